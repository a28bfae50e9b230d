"""The KFP face of ingestion: an import and a call."""

from kfp import dsl


@dsl.component(
    base_image="aware-python/ingestion:0.1.0", packages_to_install=[], install_kfp_package=False
)
def ingestion(
    output: dsl.Output[dsl.Artifact],
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
        telemetry: folder of recorded telemetry; or leave it empty and give prometheus_url.
        prometheus_url: the Prometheus to read instead.
        workloads: path of the workloads' YAML; empty for the one in the telemetry folder.
        start: first time, ISO 8601; empty for all of a folder, or 24 hours before end.
        end: last time, ISO 8601; empty for all of a folder, or now.
        rate_window_s: how many seconds a rate is taken over, two scrapes at least.
    """
    from pathlib import Path

    from components.ingestion import stage
    from components.ingestion.config import IngestionConfig
    from components.launcher import launch
    from components.progress import Progress

    launch(
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
