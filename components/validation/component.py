"""Validation's face in Kubeflow Pipelines."""

from typing import List  # noqa: UP035

from kfp import dsl


@dsl.component(
    base_image="aware-python/validation:0.1.0", packages_to_install=[], install_kfp_package=False
)
def validation(
    dataset: dsl.Input[dsl.Artifact],
    embedding: dsl.Input[dsl.Artifact],
    meta_policy: dsl.Input[dsl.Artifact],
    adapted: dsl.Input[dsl.Artifact],
    output: dsl.Output[dsl.Artifact],
    metrics: dsl.Output[dsl.Metrics],
    report: dsl.Output[dsl.HTML],
    seed: int = 0,
    quick: bool = False,
    shard: str = "1/1",
) -> None:
    """Judge the adapted policies on held-out telemetry.

    Args:
        dataset: ingestion's output.
        embedding: embedding's output.
        meta_policy: meta-training's output.
        adapted: fine-tuning's output.
        output: validation.json, traces.json, seed_means.json, validation.html.
        metrics: how many policies were accepted and refused, and the means over all workloads.
        report: validation.html.
        seed: of everything drawn at random.
        quick: small sizes, to see that everything works.
        shard: which part of the workloads `adapted` holds, for the progress bar alone.
    """
    from pathlib import Path

    from components.artifacts.task_outputs import leave_metrics, leave_page
    from components.launcher import launch
    from components.progress import Progress
    from components.validation.config import ValidationConfig, quick_config
    from components.validation.stage import run

    summary = launch(
        lambda: run(
            quick_config(seed) if quick else ValidationConfig(seed=seed),
            dataset=Path(dataset.path),
            embedding=Path(embedding.path),
            meta_policy=Path(meta_policy.path),
            adapted=Path(adapted.path),
            output=Path(output.path),
            progress=Progress("validation", shard),
        )
    )
    metrics.log_metric("accepted", len(summary.accepted))
    metrics.log_metric("refused", len(summary.refused))
    for controller, means in summary.means.items():
        for field, mean in means.items():
            metrics.log_metric(f"{controller}_{field}", mean)
    leave_metrics(metrics)
    leave_page(Path(output.path) / "validation.html", report)


@dsl.component(
    base_image="aware-python/validation:0.1.0", packages_to_install=[], install_kfp_package=False
)
def gather_validation(
    parts: dsl.Input[List[dsl.Artifact]],  # noqa: UP006
    output: dsl.Output[dsl.Artifact],
    metrics: dsl.Output[dsl.Metrics],
    report: dsl.Output[dsl.HTML],
    seed: int = 0,
    quick: bool = False,
) -> None:
    """Put the verdicts together.

    Args:
        parts: the outputs of validation's shards.
        output: validation.json, traces.json, validation.html, as one validation would leave them.
        metrics: how many policies were accepted and refused, and the means over all workloads.
        report: validation.html.
        seed: as validation was told.
        quick: as validation was told.
    """
    from pathlib import Path

    from components.artifacts.task_outputs import leave_metrics, leave_page
    from components.launcher import launch
    from components.validation.config import ValidationConfig, quick_config
    from components.validation.gather import gather

    summary = launch(
        lambda: gather(
            quick_config(seed) if quick else ValidationConfig(seed=seed),
            [Path(part.path) for part in parts],
            Path(output.path),
        )
    )
    metrics.log_metric("accepted", len(summary.accepted))
    metrics.log_metric("refused", len(summary.refused))
    for controller, means in summary.means.items():
        for field, mean in means.items():
            metrics.log_metric(f"{controller}_{field}", mean)
    leave_metrics(metrics)
    leave_page(Path(output.path) / "validation.html", report)
