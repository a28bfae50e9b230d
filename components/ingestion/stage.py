"""The stage: read telemetry, judge it, write the dataset of what is usable."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from components.artifacts.files import finished_directory, write_bytes, write_json, write_text
from components.errors import UserError
from components.ingestion.config import IngestionConfig
from components.ingestion.events import (
    Events,
    events_of,
    read_events,
    together,
    write_events,
)
from components.ingestion.folder import WORKLOADS_FILE, take_from_folder, workloads_of_folder
from components.ingestion.quality import Quality, judge
from components.ingestion.quality_page import quality_page
from components.ingestion.server import take_from_server
from components.metrics.sources import Taken
from components.progress import Progress
from components.workload.shard import parse_shard
from components.workload.spec import (
    Workload,
    dump_workloads,
    load_maintenance,
    load_workloads,
)
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

    Raises UserError for what is wrong with the source, and when no workload is usable; a shard
    may have none.
    """
    shard = parse_shard(config.shard)
    workloads = shard.of(listed_workloads(config))
    with finished_directory(output) as folder:
        if config.telemetry:
            written = _write_each(_from_folder(config, workloads, progress), folder)
        else:
            # What was asked for lies in the folder that is being made, while it is.
            own = folder / ".journal"
            written = _write_each(take_from_server(config, workloads, own, progress), folder)
            shutil.rmtree(own, ignore_errors=True)
        by_key = {workload.key: quality for workload, quality in written.report}
        summary = summary_of(by_key) if shard.whole else _summary(by_key)
        _write_report(config, written.report, folder)
        _write_events(config, written.new_images, folder)
    told = f"{len(summary.usable)} of {len(workloads)} workloads usable"
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


@dataclass(frozen=True, slots=True)
class _Written:
    """The report on each workload, and when new images began (ms since 1970) by usable key."""

    report: list[tuple[Workload, Quality]]
    new_images: dict[str, tuple[int, ...]]


def _write_each(taken: Iterable[Taken], folder: Path) -> _Written:
    """Write each usable workload's telemetry as it comes, so that one is in memory at a time."""
    written = _Written([], {})
    for one in taken:
        quality = judge(one)
        if quality.usable and one.frame is not None:
            write_bytes(telemetry_file(folder, one.workload), telemetry_bytes(one.frame))
            written.new_images[one.workload.key] = one.new_images
        written.report.append((one.workload, quality))
    return written


def _write_report(
    config: IngestionConfig, report: Sequence[tuple[Workload, Quality]], folder: Path
) -> None:
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


def _write_events(
    config: IngestionConfig, new_images: Mapping[str, Sequence[int]], folder: Path
) -> None:
    source = Path(config.telemetry)
    listed = Path(config.workloads) if config.workloads else source / WORKLOADS_FILE
    known = read_events(source) if config.telemetry else Events()
    write_events(folder, together([known, events_of(load_maintenance(listed), new_images)]))
