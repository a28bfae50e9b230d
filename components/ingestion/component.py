"""The KFP face of ingestion: an import and a call."""

from typing import List, NamedTuple  # noqa: UP035

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
    days: float = 1.0,
    journal: str = "",
    shard: str = "1/1",
) -> None:
    """Read telemetry from a folder or a Prometheus and judge its quality.

    Args:
        output: the dataset: workloads.yaml, a Parquet file a workload, quality.json and .html.
        metrics: how many workloads are usable, how many are not, and steps in all.
        report: quality.html.
        telemetry: folder of recorded telemetry; or leave it empty and give prometheus_url.
        prometheus_url: the Prometheus to read instead.
        workloads: path of the workloads' YAML; empty for the one in the telemetry folder.
        start: first time, ISO 8601; empty for all of a folder, or `days` before end.
        end: last time, ISO 8601; empty for all of a folder, or a minute ago.
        rate_window_s: how many seconds a rate is taken over, two scrapes at least.
        days: how long to look back from end where start is empty.
        journal: a folder or minio://bucket/prefix that keeps what the Prometheus said, so that an
            interrupted run goes on and the next asks for what is new only; empty to ask for all.
        shard: which part of the workloads to read: "2/5" is the second of five.
    """
    from pathlib import Path

    from components.artifacts.task_outputs import leave_metrics, leave_page
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
                days=days,
                journal=journal,
                shard=shard,
            ),
            output=Path(output.path),
            progress=Progress("ingestion", shard),
        )
    )
    metrics.log_metric("usable", len(summary.usable))
    metrics.log_metric("excluded", len(summary.excluded))
    metrics.log_metric("steps", summary.steps)
    leave_metrics(metrics)
    leave_page(Path(output.path) / "quality.html", report)


@dsl.component(
    base_image="aware-python/ingestion:0.1.0", packages_to_install=[], install_kfp_package=False
)
def plan_shards(
    telemetry: str = "",
    prometheus_url: str = "",
    workloads: str = "",
    shard_size: int = 25,
) -> List[str]:  # noqa: UP006
    """Share the workloads out among as many pods as it takes.

    Args:
        telemetry: folder of recorded telemetry; or leave it empty and give prometheus_url.
        prometheus_url: the Prometheus to read instead.
        workloads: path of the workloads' YAML; empty for the one in the telemetry folder.
        shard_size: how many workloads a pod takes at most.

    Returns:
        The shards, "1/5" to "5/5".
    """
    from components.ingestion import stage
    from components.ingestion.config import IngestionConfig
    from components.launcher import launch
    from components.workload.shard import shards_of

    def planned() -> List[str]:  # noqa: UP006
        config = IngestionConfig(telemetry, prometheus_url, workloads)
        return shards_of(len(stage.listed_workloads(config)), shard_size)

    return launch(planned)


@dsl.component(
    base_image="aware-python/ingestion:0.1.0", packages_to_install=[], install_kfp_package=False
)
def gather_ingestion(
    parts: dsl.Input[List[dsl.Artifact]],  # noqa: UP006
    output: dsl.Output[dsl.Artifact],
    metrics: dsl.Output[dsl.Metrics],
    report: dsl.Output[dsl.HTML],
    shard_size: int = 25,
) -> NamedTuple("Outputs", [("Output", List[str])]):  # type: ignore[valid-type]  # noqa: UP006
    """Put the parts of a dataset together.

    Args:
        parts: the outputs of ingestion's shards.
        output: the dataset, as one ingestion would have left it.
        metrics: how many workloads are usable, how many are not, and steps in all.
        report: quality.html.
        shard_size: how many workloads a pod takes at most.

    Returns:
        The shards of the usable workloads.
    """
    from pathlib import Path

    from components.artifacts.task_outputs import leave_metrics, leave_page
    from components.ingestion.gather import gather
    from components.launcher import launch
    from components.workload.shard import shards_of

    summary = launch(lambda: gather([Path(part.path) for part in parts], Path(output.path)))
    metrics.log_metric("usable", len(summary.usable))
    metrics.log_metric("excluded", len(summary.excluded))
    metrics.log_metric("steps", summary.steps)
    leave_metrics(metrics)
    leave_page(Path(output.path) / "quality.html", report)
    return (shards_of(len(summary.usable), shard_size),)


@dsl.component(
    base_image="aware-python/ingestion:0.1.0", packages_to_install=[], install_kfp_package=False
)
def share_out(
    keys: List[str],  # noqa: UP006
    shard_size: int = 25,
) -> List[str]:  # noqa: UP006
    """Share some of the workloads out among as many pods as it takes.

    Args:
        keys: the workloads (namespace/name).
        shard_size: how many workloads a pod takes at most.

    Returns:
        The shards, "1/5" to "5/5".
    """
    from components.launcher import launch
    from components.workload.shard import shards_of

    return launch(lambda: shards_of(len(keys), shard_size))
