"""The KFP face of fine-tuning: an import and a call."""

from typing import List  # noqa: UP035

from kfp import dsl


@dsl.component(
    base_image="aware-python/fine_tuning:0.1.0", packages_to_install=[], install_kfp_package=False
)
def fine_tuning(
    dataset: dsl.Input[dsl.Artifact],
    embedding: dsl.Input[dsl.Artifact],
    meta_policy: dsl.Input[dsl.Artifact],
    output: dsl.Output[dsl.Artifact],
    metrics: dsl.Output[dsl.Metrics],
    report: dsl.Output[dsl.HTML],
    in_force: dsl.Input[dsl.Artifact] = None,
    only: list[str] = [],  # noqa: B006
    seed: int = 0,
    quick: bool = False,
    shard: str = "1/1",
) -> None:
    """Adapt the policy to each workload on its digital twin.

    Args:
        dataset: ingestion's output.
        embedding: embedding's output.
        meta_policy: meta-training's output.
        output: adapted.json, fine_tuning.html.
        metrics: how many workloads, the mean gain on the twins, CPU seconds a workload.
        report: fine_tuning.html.
        in_force: in a retraining the drift check's output: the rules in force stay unless what is
            found is surely better.
        only: keys (namespace/name) of the workloads to adapt; empty for all.
        seed: of everything drawn at random.
        quick: small sizes, to see that everything works.
        shard: which part of these workloads: "2/5" is the second of five.
    """
    from pathlib import Path

    from components.artifacts.task_outputs import leave_metrics, leave_page
    from components.fine_tuning.config import FineTuningConfig, quick_config
    from components.fine_tuning.stage import run
    from components.launcher import launch
    from components.progress import Progress
    from components.workload.shard import parse_shard

    summary = launch(
        lambda: run(
            quick_config(seed) if quick else FineTuningConfig(seed=seed),
            dataset=Path(dataset.path),
            embedding=Path(embedding.path),
            meta_policy=Path(meta_policy.path),
            output=Path(output.path),
            progress=Progress("fine_tuning", shard),
            only=only,
            shard=parse_shard(shard),
            in_force=Path(in_force.path) if in_force else None,
        )
    )
    metrics.log_metric("workloads", len(summary.workloads))
    metrics.log_metric("mean_gain", summary.mean_gain)
    metrics.log_metric("cpu_seconds_per_workload", summary.cpu_seconds_per_workload)
    leave_metrics(metrics)
    leave_page(Path(output.path) / "fine_tuning.html", report)


@dsl.component(
    base_image="aware-python/fine_tuning:0.1.0", packages_to_install=[], install_kfp_package=False
)
def gather_fine_tuning(
    parts: dsl.Input[List[dsl.Artifact]],  # noqa: UP006
    output: dsl.Output[dsl.Artifact],
    metrics: dsl.Output[dsl.Metrics],
    report: dsl.Output[dsl.HTML],
) -> None:
    """Put the adapted policies together.

    Args:
        parts: the outputs of fine-tuning's shards.
        output: adapted.json, fine_tuning.html, as one fine-tuning would have left them.
        metrics: how many workloads, the mean gain on the twins, CPU seconds a workload.
        report: fine_tuning.html.
    """
    from pathlib import Path

    from components.artifacts.task_outputs import leave_metrics, leave_page
    from components.fine_tuning.gather import gather
    from components.launcher import launch

    summary = launch(lambda: gather([Path(part.path) for part in parts], Path(output.path)))
    metrics.log_metric("workloads", len(summary.workloads))
    metrics.log_metric("mean_gain", summary.mean_gain)
    metrics.log_metric("cpu_seconds_per_workload", summary.cpu_seconds_per_workload)
    leave_metrics(metrics)
    leave_page(Path(output.path) / "fine_tuning.html", report)
