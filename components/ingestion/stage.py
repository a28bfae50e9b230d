"""The stage: read telemetry, judge it, write the dataset of what is usable."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from components.artifacts.files import finished_directory, write_bytes, write_json, write_text
from components.errors import UserError
from components.ingestion.config import IngestionConfig, time_range
from components.ingestion.folder import WORKLOADS_FILE, take_from_folder, workloads_of_folder
from components.ingestion.quality import FEWEST_STEPS, Quality, judge
from components.ingestion.quality_page import quality_page
from components.metrics.grid import grid_between
from components.metrics.prometheus import PrometheusClient
from components.metrics.scrape import take_from_prometheus
from components.metrics.session import access_from
from components.metrics.sources import Taken
from components.progress import Progress
from components.workload.spec import dump_workloads, load_workloads
from components.workload.telemetry import STEP_S, telemetry_bytes, telemetry_file

QUALITY_FILE = "quality.json"
QUALITY_PAGE = "quality.html"


@dataclass(frozen=True, slots=True)
class IngestionSummary:
    """What was ingested: keys of the usable workloads, reasons of the others, steps in all."""

    usable: tuple[str, ...]
    excluded: dict[str, str]
    steps: int


def run(config: IngestionConfig, output: Path, progress: Progress) -> IngestionSummary:
    """Write the dataset folder: workloads.yaml, a Parquet file each, quality.json and .html.

    Raises UserError for what is wrong with the source, and when no workload is usable.
    """
    taken = _from_folder(config, progress) if config.telemetry else _from_server(config, progress)
    report = {one.workload.key: judge(one) for one in taken}
    usable = [one for one in taken if report[one.workload.key].usable]
    excluded = {key: quality.reason for key, quality in report.items() if not quality.usable}
    if not usable:
        key, reason = next(iter(excluded.items()))
        raise UserError(f"none of the {len(taken)} workloads is usable; {key}: {reason}")
    _write(config, usable, report, output)
    steps = sum(report[one.workload.key].steps for one in usable)
    progress.update(1, 1, f"{len(usable)} of {len(taken)} workloads usable")
    return IngestionSummary(tuple(one.workload.key for one in usable), excluded, steps)


def _from_folder(config: IngestionConfig, progress: Progress) -> list[Taken]:
    workloads = workloads_of_folder(config)
    taken = []
    for index, workload in enumerate(workloads):
        progress.update(index, len(workloads) + 1, workload.key)
        taken.append(take_from_folder(config, workload))
    return taken


def _from_server(config: IngestionConfig, progress: Progress) -> list[Taken]:
    workloads = load_workloads(Path(config.workloads))
    start, end = time_range(config, datetime.now(UTC))
    grid = grid_between(round(start.timestamp() * 1000), round(end.timestamp() * 1000))
    if grid.steps < FEWEST_STEPS:
        raise UserError(
            f"start to end holds {grid.steps} steps of {STEP_S} s; ask for at least {FEWEST_STEPS}"
        )
    access = access_from(os.environ)
    client = PrometheusClient(config.prometheus_url, config.timeout_s, access=access)
    try:
        client.check()
        return take_from_prometheus(
            client,
            workloads,
            grid,
            config.rate_window_s,
            lambda done, total, what: progress.update(done, total + 1, what),
        )
    finally:
        client.close()


def _write(
    config: IngestionConfig, usable: list[Taken], report: dict[str, Quality], output: Path
) -> None:
    with finished_directory(output) as folder:
        for one in usable:
            assert one.frame is not None
            write_bytes(telemetry_file(folder, one.workload), telemetry_bytes(one.frame))
        write_text(folder / WORKLOADS_FILE, dump_workloads([one.workload for one in usable]))
        value = {
            "source": "folder" if config.telemetry else "prometheus",
            "step_s": STEP_S,
            "rate_window_s": config.rate_window_s if config.prometheus_url else None,
            "workloads": {key: quality.to_json() for key, quality in report.items()},
        }
        write_json(folder / QUALITY_FILE, value)
        write_text(folder / QUALITY_PAGE, quality_page(report))
