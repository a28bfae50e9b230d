"""The parts of a dataset, each read by a pod of its own, as one dataset."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from components.artifacts.files import finished_directory, read_json, write_json, write_text
from components.artifacts.parts import copy_parts
from components.errors import UserError
from components.ingestion.events import EVENTS_FILE, read_events, together, write_events
from components.ingestion.folder import WORKLOADS_FILE
from components.ingestion.quality import Quality
from components.ingestion.quality_page import quality_page
from components.ingestion.stage import QUALITY_FILE, QUALITY_PAGE, IngestionSummary, summary_of
from components.workload.spec import dump_workloads, load_workloads


def gather(parts: Sequence[Path], output: Path) -> IngestionSummary:
    """Write the dataset that one ingestion of all workloads would have written.

    Raises UserError when no workload of any part is usable, and for a part that is damaged.
    """
    report = {
        key: Quality(**entry)
        for part in parts
        for key, entry in read_json(part / QUALITY_FILE)["workloads"].items()
    }
    summary = summary_of(report)
    workloads = [
        workload
        for part in parts
        if (part / WORKLOADS_FILE).exists()
        for workload in load_workloads(part / WORKLOADS_FILE)
    ]
    if len(workloads) != len(summary.usable):
        raise UserError("the parts' quality.json and workloads.yaml differ: ingest again")
    with finished_directory(output) as folder:
        copy_parts(parts, folder, without=(WORKLOADS_FILE, QUALITY_FILE, QUALITY_PAGE, EVENTS_FILE))
        write_events(folder, together(read_events(part) for part in parts))
        write_text(folder / WORKLOADS_FILE, dump_workloads(workloads))
        entries = {key: quality.to_json() for key, quality in report.items()}
        whole = {**read_json(parts[0] / QUALITY_FILE), "workloads": entries}
        write_json(folder / QUALITY_FILE, whole)
        write_text(folder / QUALITY_PAGE, quality_page(report))
    return summary
