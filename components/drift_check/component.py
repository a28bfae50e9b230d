"""The KFP face of the drift check: an import and a call."""

from typing import List, NamedTuple  # noqa: UP035

from kfp import dsl


@dsl.component(
    base_image="aware-python/drift_check:0.1.0", packages_to_install=[], install_kfp_package=False
)
def drift_check(
    reference: dsl.Input[dsl.Artifact],
    recent: dsl.Input[dsl.Artifact],
    embedding: dsl.Input[dsl.Artifact],
    validation: dsl.Input[dsl.Artifact],
    output: dsl.Output[dsl.Artifact],
    metrics: dsl.Output[dsl.Metrics],
    report: dsl.Output[dsl.HTML],
    live: List[str] = [],  # noqa: UP006, B006
    calibrations: str = "",
    store_url: str = "",
    dry_run: bool = True,
) -> NamedTuple("Outputs", [("drifted", List[str]), ("Output", int)]):  # type: ignore[valid-type]  # noqa: UP006
    """Test whether what was learned of each workload still holds on recent telemetry.

    Args:
        reference: the dataset that the policy in force was learned from.
        recent: the dataset to test.
        embedding: the reference's embedding, with the twins.
        validation: what validation promised for the policy in force.
        output: drift.json, drift.png, drift.html, and in_force.json with the rules in force.
        metrics: how many workloads were checked and how many drifted.
        report: drift.html.
        live: workloads (namespace/name) on which the policy acts: held against the promise.
        calibrations: a folder or minio://bucket/prefix that outlasts the run: what the check has
            learned of long references is kept there, a file a workload; empty for in the store,
            unless it is a dry run.
        store_url: where bundles are published: there lie the references that retrainings have
            moved, which policy is live and what validation promised of it; empty for nowhere.
        dry_run: leave that store alone: it is read and not written to.

    Returns:
        The drifted workloads, and how many they are.
    """
    import os
    from pathlib import Path

    from components.artifacts.open import open_store
    from components.artifacts.task_outputs import leave_metrics, leave_page
    from components.drift_check import stage
    from components.drift_check.config import DriftConfig
    from components.launcher import launch
    from components.progress import Progress

    kept = calibrations or ("" if dry_run else store_url)
    summary = launch(
        lambda: stage.run(
            DriftConfig(live=tuple(live)),
            reference=Path(reference.path),
            recent=Path(recent.path),
            embedding=Path(embedding.path),
            validation=Path(validation.path),
            output=Path(output.path),
            progress=Progress("drift_check"),
            store=open_store(store_url, os.environ) if store_url else None,
            calibrations=open_store(kept, os.environ) if kept else None,
        )
    )
    metrics.log_metric("checked", len(summary.checked))
    metrics.log_metric("drifted", len(summary.drifted))
    leave_metrics(metrics)
    leave_page(Path(output.path) / "drift.html", report)
    return list(summary.drifted), len(summary.drifted)


@dsl.component(
    base_image="aware-python/drift_check:0.1.0", packages_to_install=[], install_kfp_package=False
)
def move_reference(
    dataset: dsl.Input[dsl.Artifact],
    embedding: dsl.Input[dsl.Artifact],
    rollout: dsl.Input[dsl.Artifact],
    drift: dsl.Input[dsl.Artifact],
    output: dsl.Output[dsl.Artifact],
    metrics: dsl.Output[dsl.Metrics],
    store_url: str = "",
    dry_run: bool = True,
) -> None:
    """Make what a retrained workload does now the reference of the checks to come.

    Args:
        dataset: ingestion's output, on which was retrained.
        embedding: the run's embedding, with the twins.
        rollout: rollout's output: whether each policy was accepted. A refused one moves it too.
        drift: the drift check's output: since when the workload is another one.
        output: moved.json.
        metrics: how many references were moved.
        store_url: where bundles are published: there lie the references.
        dry_run: leave that store alone.
    """
    import os
    from pathlib import Path

    from components.artifacts.open import open_store
    from components.artifacts.task_outputs import leave_metrics
    from components.drift_check import reference_move
    from components.launcher import launch

    moved = launch(
        lambda: reference_move.run(
            open_store(store_url, os.environ) if store_url and not dry_run else None,
            dataset=Path(dataset.path),
            embedding=Path(embedding.path),
            rollout=Path(rollout.path),
            drift=Path(drift.path),
            output=Path(output.path),
        )
    )
    metrics.log_metric("moved", 0 if dry_run or not store_url else len(moved))
    leave_metrics(metrics)
