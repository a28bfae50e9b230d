"""Rollout's face in Kubeflow Pipelines."""

from typing import List, NamedTuple  # noqa: UP035

from kfp import dsl


@dsl.component(
    base_image="aware-python/rollout:0.1.0", packages_to_install=[], install_kfp_package=False
)
def rollout(
    dataset: dsl.Input[dsl.Artifact],
    embedding: dsl.Input[dsl.Artifact],
    meta_policy: dsl.Input[dsl.Artifact],
    adapted: dsl.Input[dsl.Artifact],
    validation: dsl.Input[dsl.Artifact],
    output: dsl.Output[dsl.Artifact],
    metrics: dsl.Output[dsl.Metrics],
    report: dsl.Output[dsl.HTML],
    store_url: str = "",
    dry_run: bool = True,
    shard: str = "1/1",
) -> None:
    """Publish the validated policies and write the autoscaler objects.

    Args:
        dataset: ingestion's output.
        embedding: embedding's output.
        meta_policy: meta-training's output.
        adapted: fine-tuning's output.
        validation: validation's output.
        output: manifests/, rollout.json, rollout.html; in a dry run store/ as well.
        metrics: how many policies were accepted and refused.
        report: rollout.html.
        store_url: where bundles are published: a folder or minio://bucket/prefix.
        dry_run: leave that store alone.
        shard: which part of the workloads `adapted` holds, for the progress bar alone.
    """
    import os
    from pathlib import Path

    from components.artifacts.task_outputs import leave_metrics, leave_page
    from components.launcher import launch
    from components.progress import Progress
    from components.rollout.config import RolloutConfig, signer_from
    from components.rollout.stage import run

    summary = launch(
        lambda: run(
            RolloutConfig(store_url, dry_run, signer_from(os.environ)),
            dataset=Path(dataset.path),
            embedding=Path(embedding.path),
            meta_policy=Path(meta_policy.path),
            adapted=Path(adapted.path),
            validation=Path(validation.path),
            output=Path(output.path),
            progress=Progress("rollout", shard),
        )
    )
    metrics.log_metric("accepted", len(summary.accepted))
    metrics.log_metric("refused", len(summary.refused))
    leave_metrics(metrics)
    leave_page(Path(output.path) / "rollout.html", report)


@dsl.component(
    base_image="aware-python/rollout:0.1.0", packages_to_install=[], install_kfp_package=False
)
def gather_rollout(
    parts: dsl.Input[List[dsl.Artifact]],  # noqa: UP006
    output: dsl.Output[dsl.Artifact],
    metrics: dsl.Output[dsl.Metrics],
    report: dsl.Output[dsl.HTML],
) -> None:
    """Put what was rolled out together.

    Args:
        parts: the outputs of rollout's shards.
        output: manifests/, rollout.json, rollout.html, as one rollout would have left them.
        metrics: how many policies were accepted and refused.
        report: rollout.html.
    """
    from pathlib import Path

    from components.artifacts.task_outputs import leave_metrics, leave_page
    from components.launcher import launch
    from components.rollout.gather import gather

    summary = launch(lambda: gather([Path(part.path) for part in parts], Path(output.path)))
    metrics.log_metric("accepted", len(summary.accepted))
    metrics.log_metric("refused", len(summary.refused))
    leave_metrics(metrics)
    leave_page(Path(output.path) / "rollout.html", report)


@dsl.component(
    base_image="aware-python/rollout:0.1.0", packages_to_install=[], install_kfp_package=False
)
def run_summary(
    dataset: dsl.Input[dsl.Artifact],
    output: dsl.Output[dsl.Artifact],
    metrics: dsl.Output[dsl.Metrics],
    report: dsl.Output[dsl.HTML],
    embedding: dsl.Input[dsl.Artifact] = None,
    meta_policy: dsl.Input[dsl.Artifact] = None,
    validation: dsl.Input[dsl.Artifact] = None,
    rollout: dsl.Input[dsl.Artifact] = None,
    drift: dsl.Input[dsl.Artifact] = None,
    turn: dsl.Input[dsl.Artifact] = None,
) -> None:
    """Say on one page what the run found of each workload, what it did and why.

    Args:
        dataset: ingestion's output.
        output: summary.json, the same for programs.
        metrics: how many workloads were seen, drifted, accepted and refused.
        report: the page.
        embedding: embedding's output.
        meta_policy: meta-training's output.
        validation: validation's output.
        rollout: rollout's output.
        drift: the drift check's output.
        turn: take_turn's output.
    """
    import dataclasses
    from pathlib import Path

    from components.artifacts.task_outputs import leave_metrics
    from components.launcher import launch
    from components.rollout.run_summary import RunOutputs, write_summary

    outputs = RunOutputs(
        dataset=Path(dataset.path),
        embedding=Path(embedding.path) if embedding else None,
        meta_policy=Path(meta_policy.path) if meta_policy else None,
        validation=Path(validation.path) if validation else None,
        rollout=Path(rollout.path) if rollout else None,
        drift=Path(drift.path) if drift else None,
        turn=Path(turn.path) if turn else None,
    )
    figures = launch(lambda: write_summary(outputs, Path(report.path), Path(output.path)))
    for name, count in dataclasses.asdict(figures).items():
        metrics.log_metric(name, count)
    leave_metrics(metrics)


@dsl.component(
    base_image="aware-python/rollout:0.1.0", packages_to_install=[], install_kfp_package=False
)
def take_turn(
    drifted: List[str],  # noqa: UP006
    run: str,
    output: dsl.Output[dsl.Artifact],
    owner: str = "",
    store_url: str = "",
    dry_run: bool = True,
    lock_s: int = 0,
    cool_down_s: int = 21600,
    retrainings_a_week: int = 4,
    retrainings_in_all: int = 200,
) -> NamedTuple("Outputs", [("admitted", List[str]), ("Output", int)]):  # type: ignore[valid-type]  # noqa: UP006
    """Let one run retrain at a time, and each workload only as often as its budget allows.

    Args:
        drifted: the workloads that drifted.
        run: the run's id, under which it takes its turn.
        output: turn.json: what is retrained, and why the rest is not.
        owner: the name under which whoever started the run has taken its turn already; else empty.
        store_url: where bundles are published; lock and budget lie there.
        dry_run: nothing is published, so neither is needed.
        lock_s: seconds for which the turn lasts; 0 for neither lock nor budget.
        cool_down_s: how long a workload rests after a retraining; twice as long after the next.
        retrainings_a_week: of one workload at most.
        retrainings_in_all: of all workloads together in a week at most.

    Returns:
        The workloads to be retrained, and how many they are: 0 while it is another run's turn.
    """
    import os
    import time
    from dataclasses import asdict
    from pathlib import Path

    from components.artifacts.files import finished_directory, write_json
    from components.artifacts.open import open_store
    from components.launcher import launch
    from components.rollout.retraining_budget import Admission, RetrainingLimits
    from components.rollout.retraining_turn import admitted_in_turn

    def admission() -> Admission:
        limits = RetrainingLimits(
            cool_down_s=cool_down_s, per_workload=retrainings_a_week, in_all=retrainings_in_all
        )
        if dry_run or not store_url:
            return Admission(tuple(drifted), {})
        store = open_store(store_url, os.environ)
        return admitted_in_turn(store, drifted, owner or run, time.time(), lock_s, limits)

    found = launch(admission)
    with finished_directory(Path(output.path)) as folder:
        write_json(folder / "turn.json", asdict(found))
    return list(found.admitted), len(found.admitted)


@dsl.component(
    base_image="aware-python/rollout:0.1.0", packages_to_install=[], install_kfp_package=False
)
def end_turn(
    rollout: dsl.Input[dsl.Artifact],
    run: str,
    owner: str = "",
    store_url: str = "",
    dry_run: bool = True,
    lock_s: int = 0,
) -> None:
    """Let the next run retrain, now that this one has rolled out what it was admitted to.

    Args:
        rollout: rollout's output: it comes first.
        run: the run's id.
        owner: the name under which whoever started the run has taken its turn already; else empty.
        store_url: where lock and budget lie.
        dry_run: no turn was taken.
        lock_s: as take_turn was told; 0 for no turn.
    """
    import os
    import time

    from components.artifacts.open import open_store
    from components.launcher import launch
    from components.rollout import retraining_turn

    def ended() -> None:
        if not dry_run and store_url and lock_s > 0:
            store = open_store(store_url, os.environ)
            retraining_turn.end_turn(store, owner or run, time.time())

    launch(ended)
