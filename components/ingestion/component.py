"""The KFP face of ingestion: an import and a call."""

from kfp import dsl


@dsl.component(
    base_image="aware-python/ingestion:0.1.0", packages_to_install=[], install_kfp_package=False
)
def ingestion(
    output: dsl.Output[dsl.Artifact],
    metrics: dsl.Output[dsl.Metrics],
    report: dsl.Output[dsl.HTML],
    telemetry: str = "",
    prometheus_url: str = "",
    workloads: str = "",
    start: str = "",
    end: str = "",
    rate_window_s: int = 60,
) -> None:
    """Read telemetry from a folder or a Prometheus and judge its quality.

    Args:
        output: the dataset: workloads.yaml, a Parquet file a workload, quality.json and .html.
        metrics: how many workloads are usable, how many are not, and steps in all.
        report: quality.html.
        telemetry: folder of recorded telemetry; or leave it empty and give prometheus_url.
        prometheus_url: the Prometheus to read instead.
        workloads: path of the workloads' YAML; empty for the one in the telemetry folder.
        start: first time, ISO 8601; empty for all of a folder, or 24 hours before end.
        end: last time, ISO 8601; empty for all of a folder, or now.
        rate_window_s: how many seconds a rate is taken over, two scrapes at least.
    """
    import shutil
    from pathlib import Path

    from components.artifacts.files import write_json
    from components.ingestion import stage
    from components.ingestion.config import IngestionConfig
    from components.launcher import launch
    from components.progress import Progress

    summary = launch(
        lambda: stage.run(
            IngestionConfig(
                telemetry=telemetry,
                prometheus_url=prometheus_url,
                workloads=workloads,
                start=start,
                end=end,
                rate_window_s=rate_window_s,
            ),
            output=Path(output.path),
            progress=Progress("ingestion"),
        )
    )
    metrics.log_metric("usable", len(summary.usable))
    metrics.log_metric("excluded", len(summary.excluded))
    metrics.log_metric("steps", summary.steps)
    # Kubeflow's cache takes a task for unfinished when a file of its outputs is missing.
    write_json(Path(metrics.path), metrics.metadata)
    shutil.copyfile(Path(output.path) / "quality.html", report.path)
