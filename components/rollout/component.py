"""Rollout's face in Kubeflow Pipelines."""

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
    """
    import shutil
    from pathlib import Path

    from components.artifacts.files import write_json
    from components.launcher import launch
    from components.progress import Progress
    from components.rollout.config import RolloutConfig
    from components.rollout.stage import run

    summary = launch(
        lambda: run(
            RolloutConfig(store_url=store_url, dry_run=dry_run),
            dataset=Path(dataset.path),
            embedding=Path(embedding.path),
            meta_policy=Path(meta_policy.path),
            adapted=Path(adapted.path),
            validation=Path(validation.path),
            output=Path(output.path),
            progress=Progress("rollout"),
        )
    )
    metrics.log_metric("accepted", len(summary.accepted))
    metrics.log_metric("refused", len(summary.refused))
    # Kubeflow's cache takes a task for unfinished when a file of its outputs is missing.
    write_json(Path(metrics.path), metrics.metadata)
    shutil.copyfile(Path(output.path) / "rollout.html", report.path)


@dsl.component(
    base_image="aware-python/rollout:0.1.0", packages_to_install=[], install_kfp_package=False
)
def run_summary(
    dataset: dsl.Input[dsl.Artifact],
    metrics: dsl.Output[dsl.Metrics],
    report: dsl.Output[dsl.HTML],
    embedding: dsl.Input[dsl.Artifact] = None,
    meta_policy: dsl.Input[dsl.Artifact] = None,
    validation: dsl.Input[dsl.Artifact] = None,
    rollout: dsl.Input[dsl.Artifact] = None,
    drift: dsl.Input[dsl.Artifact] = None,
) -> None:
    """Say on one page what the run found of each workload.

    Args:
        dataset: ingestion's output.
        metrics: how many workloads were seen, drifted, accepted and refused.
        report: the page.
        embedding: embedding's output.
        meta_policy: meta-training's output.
        validation: validation's output.
        rollout: rollout's output.
        drift: the drift check's output.
    """
    import dataclasses
    from pathlib import Path

    from components.artifacts.files import write_json
    from components.launcher import launch
    from components.rollout.run_summary import RunOutputs, write_summary

    outputs = RunOutputs(
        dataset=Path(dataset.path),
        embedding=Path(embedding.path) if embedding else None,
        meta_policy=Path(meta_policy.path) if meta_policy else None,
        validation=Path(validation.path) if validation else None,
        rollout=Path(rollout.path) if rollout else None,
        drift=Path(drift.path) if drift else None,
    )
    figures = launch(lambda: write_summary(outputs, Path(report.path)))
    for name, count in dataclasses.asdict(figures).items():
        metrics.log_metric(name, count)
    # Kubeflow's cache takes a task for unfinished when a file of its outputs is missing.
    write_json(Path(metrics.path), metrics.metadata)


@dsl.component(
    base_image="aware-python/rollout:0.1.0", packages_to_install=[], install_kfp_package=False
)
def take_turn(
    drifted: int,
    run: str,
    owner: str = "",
    store_url: str = "",
    dry_run: bool = True,
    lock_s: int = 0,
) -> int:
    """Let one run retrain at a time, and none for a while after one has.

    Args:
        drifted: how many workloads drifted.
        run: the run's id, under which it takes its turn.
        owner: the name under which whoever started the run has taken it already; else empty.
        store_url: where bundles are published; the lock lies there.
        dry_run: nothing is published, so no lock is needed.
        lock_s: seconds for which the turn lasts; 0 for no lock.

    Returns:
        How many workloads are to be retrained: 0 while it is another run's turn.
    """
    import os
    import time

    from components.artifacts.open import open_store
    from components.launcher import launch
    from components.rollout.retraining_turn import drifted_in_turn

    if dry_run or not store_url:
        return drifted
    return launch(
        lambda: drifted_in_turn(
            open_store(store_url, os.environ), drifted, owner or run, time.time(), lock_s
        )
    )
