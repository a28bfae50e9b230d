"""The stage: read telemetry, judge it, write the dataset of what is usable."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeAlias
from urllib.parse import urlsplit

from components.artifacts.files import finished_directory, write_bytes, write_json, write_text
from components.errors import UserError
from components.ingestion.backfill import Patience, fill, taken_from
from components.ingestion.config import IngestionConfig, time_range
from components.ingestion.folder import WORKLOADS_FILE, take_from_folder, workloads_of_folder
from components.ingestion.journal import Journal
from components.ingestion.quality import FEWEST_STEPS, Quality, judge
from components.ingestion.quality_page import quality_page
from components.metrics.grid import Grid, grid_between
from components.metrics.piece import Piece
from components.metrics.prometheus import PrometheusClient
from components.metrics.queries import size_query
from components.metrics.scrape import NATIVE_PROBE, pieces_of
from components.metrics.session import access_from
from components.metrics.sources import Taken
from components.progress import Progress
from components.workload.shard import parse_shard
from components.workload.spec import Workload, dump_workloads, load_workloads
from components.workload.telemetry import STEP_S, telemetry_bytes, telemetry_file

QUALITY_FILE = "quality.json"
QUALITY_PAGE = "quality.html"

Report: TypeAlias = list[tuple[Workload, Quality]]


@dataclass(frozen=True, slots=True)
class IngestionSummary:
    """What was ingested: keys of the usable workloads, reasons of the others, steps in all."""

    usable: tuple[str, ...]
    excluded: dict[str, str]
    steps: int


def run(config: IngestionConfig, output: Path, progress: Progress) -> IngestionSummary:
    """Write the dataset folder: workloads.yaml, a Parquet file each, quality.json and .html.

    Raises UserError for what is wrong with the source, and when no workload is usable; a shard
    may have none.
    """
    shard = parse_shard(config.shard)
    workloads = shard.of(listed_workloads(config))
    with finished_directory(output) as folder:
        if config.telemetry:
            report = _write_each(_from_folder(config, workloads, progress), folder)
        else:
            report = _from_server(config, workloads, folder, progress)
        by_key = {workload.key: quality for workload, quality in report}
        summary = summary_of(by_key) if shard.whole else _summary(by_key)
        _write_report(config, report, folder)
    told = f"{len(summary.usable)} of {len(report)} workloads usable"
    progress.update(1, 1, told)
    return summary


def listed_workloads(config: IngestionConfig) -> tuple[Workload, ...]:
    """Return all workloads that the source's file lists; raises UserError for a wrong file."""
    if config.telemetry:
        return workloads_of_folder(config)
    return load_workloads(Path(config.workloads))


def summary_of(report: Mapping[str, Quality]) -> IngestionSummary:
    """Return the summary of the reports by key; raises UserError when no workload is usable."""
    summary = _summary(report)
    if not summary.usable:
        key, reason = next(iter(summary.excluded.items()))
        raise UserError(f"none of the {len(report)} workloads is usable; {key}: {reason}")
    return summary


def _summary(report: Mapping[str, Quality]) -> IngestionSummary:
    return IngestionSummary(
        usable=tuple(key for key, quality in report.items() if quality.usable),
        excluded={key: quality.reason for key, quality in report.items() if not quality.usable},
        steps=sum(quality.steps for quality in report.values() if quality.usable),
    )


def _from_folder(
    config: IngestionConfig, workloads: Sequence[Workload], progress: Progress
) -> Iterator[Taken]:
    for index, workload in enumerate(workloads):
        progress.update(index, len(workloads) + 1, workload.key)
        yield take_from_folder(config, workload)


def _from_server(
    config: IngestionConfig, workloads: Sequence[Workload], folder: Path, progress: Progress
) -> Report:
    access = access_from(os.environ)
    client = PrometheusClient(config.prometheus_url, config.timeout_s, access=access)
    # Without a journal of the user's, what was asked for lies in the folder that is being made.
    own = folder / ".journal"
    journal = Journal(
        Path(config.journal) if config.journal else own,
        _server(config.prometheus_url),
        config.rate_window_s,
    )
    try:
        client.check()
        grid = _grid(config, client.clock_ms())
        native = any(item.metrics.source == "opentelemetry" for item in workloads) and (
            client.knows(NATIVE_PROBE)
        )

        def ask(
            asked: Sequence[Workload], window: Grid, tell: Callable[[str], None]
        ) -> dict[str, Piece]:
            return pieces_of(
                client,
                asked,
                window,
                config.rate_window_s,
                native=native,
                streams=config.streams,
                tell=tell,
            )

        fill(
            journal,
            ask,
            workloads,
            grid,
            _series(client, workloads, grid),
            Patience(config.patience_s),
            lambda done, total, what: progress.update(done, total + 1, what),
        )
    finally:
        client.close()
    journal.forget_before(grid.first_ms)
    report = _write_each(taken_from(journal, workloads, grid, config.rate_window_s), folder)
    shutil.rmtree(own, ignore_errors=True)
    return report


def _grid(config: IngestionConfig, clock_ms: int | None) -> Grid:
    """Return the steps to ask for, up to now by the server's clock: ours may be another."""
    now = datetime.now(UTC) if clock_ms is None else datetime.fromtimestamp(clock_ms / 1000, UTC)
    start, end = time_range(config, now)
    grid = grid_between(round(start.timestamp() * 1000), round(end.timestamp() * 1000))
    if grid.steps < FEWEST_STEPS:
        raise UserError(
            f"start to end holds {grid.steps} steps of {STEP_S} s; ask for at least {FEWEST_STEPS}"
        )
    return grid


def _series(client: PrometheusClient, workloads: Sequence[Workload], grid: Grid) -> int:
    """Return how many series an answer holds: a container each, and a workload each at least."""
    counted = client.at(size_query(workloads).text, grid.last_ms)
    return max(len(workloads), *(int(one.values[0]) for one in counted), 1)


def _server(url: str) -> str:
    """Return how a journal names the server: without credentials."""
    parts = urlsplit(url)
    return f"{parts.netloc.rpartition('@')[2]}{parts.path.rstrip('/')}"


def _write_each(taken: Iterable[Taken], folder: Path) -> Report:
    """Write each usable workload's telemetry as it comes, so that one is in memory at a time."""
    report = []
    for one in taken:
        quality = judge(one)
        if quality.usable and one.frame is not None:
            write_bytes(telemetry_file(folder, one.workload), telemetry_bytes(one.frame))
        report.append((one.workload, quality))
    return report


def _write_report(config: IngestionConfig, report: Report, folder: Path) -> None:
    usable = [workload for workload, quality in report if quality.usable]
    by_key = {workload.key: quality for workload, quality in report}
    if usable:
        write_text(folder / WORKLOADS_FILE, dump_workloads(usable))
    value = {
        "source": "folder" if config.telemetry else "prometheus",
        "step_s": STEP_S,
        "rate_window_s": config.rate_window_s if config.prometheus_url else None,
        "workloads": {key: quality.to_json() for key, quality in by_key.items()},
    }
    write_json(folder / QUALITY_FILE, value)
    write_text(folder / QUALITY_PAGE, quality_page(by_key))
