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
) -> NamedTuple("Outputs", [("drifted", List[str]), ("Output", int)]):  # type: ignore[valid-type]  # noqa: UP006
    """Test whether what was learned of each workload still holds on recent telemetry.

    Args:
        reference: the dataset that the policy in force was learned from.
        recent: the dataset to test.
        embedding: the reference's embedding, with the twins.
        validation: what validation promised for the policy in force.
        output: drift.json, drift.png and drift.html.
        metrics: how many workloads were checked and how many drifted.
        report: drift.html.
        live: workloads (namespace/name) on which the policy acts: held against the promise.
        calibrations: a folder that outlasts the run, such as a mounted volume's: what the check
            has learned of long references is kept there; empty for nowhere.

    Returns:
        The drifted workloads, and how many they are.
    """
    from pathlib import Path

    from components.artifacts.task_outputs import leave_metrics, leave_page
    from components.drift_check import stage
    from components.drift_check.config import DriftConfig
    from components.launcher import launch
    from components.progress import Progress

    summary = launch(
        lambda: stage.run(
            DriftConfig(live=tuple(live)),
            reference=Path(reference.path),
            recent=Path(recent.path),
            embedding=Path(embedding.path),
            validation=Path(validation.path),
            output=Path(output.path),
            progress=Progress("drift_check"),
            calibrations=Path(calibrations) if calibrations else None,
        )
    )
    metrics.log_metric("checked", len(summary.checked))
    metrics.log_metric("drifted", len(summary.drifted))
    leave_metrics(metrics)
    leave_page(Path(output.path) / "drift.html", report)
    return list(summary.drifted), len(summary.drifted)
