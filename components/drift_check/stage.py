"""The stage: read both datasets, test every workload, write verdicts, picture and page."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from components.artifacts.files import finished_directory, write_bytes, write_json, write_text
from components.cluster.compiled import FloatArray
from components.drift_check.calibrations import read_calibrations, write_calibrations
from components.drift_check.check import WorkloadCheck, check_workload
from components.drift_check.config import DriftConfig
from components.drift_check.events import (
    Events,
    last_new_image,
    read_events,
    without_maintenance,
)
from components.drift_check.inputs import Dataset, read_dataset, read_promises, read_twins
from components.drift_check.page import drift_page
from components.drift_check.picture import drift_picture
from components.drift_check.verdict import Verdict, judge, untested
from components.errors import UserError
from components.progress import Progress


@dataclass(frozen=True, slots=True)
class DriftSummary:
    """Keys of the workloads that drifted, in the recent dataset's order, and of all checked."""

    drifted: tuple[str, ...]
    checked: tuple[str, ...]


def run(
    config: DriftConfig,
    reference: Path,
    recent: Path,
    embedding: Path,
    validation: Path | None,
    output: Path,
    progress: Progress,
    calibrations: Path | None = None,
) -> DriftSummary:
    """Write drift.json, drift.png and drift.html.

    Each dataset may hold an events.json: steps within maintenance are left out, and a workload
    with a new image is tested for what the image changed. In the folder `calibrations`, if there
    is one, lie those of long references from one check to the next: seconds for each workload.

    Raises UserError for inputs that are missing, broken or have no workload in common.
    """
    before = _eventless(read_dataset(reference), read_events(reference))
    events = read_events(recent)
    now = _eventless(read_dataset(recent), events)
    known = read_calibrations(calibrations)
    twins, promises = read_twins(embedding), read_promises(validation)
    unknown = [key for key in config.live if key not in promises]
    if unknown:
        raise UserError(f"validation promised nothing for {unknown[0]}, which is listed as live")
    checks: dict[str, WorkloadCheck] = {}
    skipped = _incomparable(before, now, twins)
    comparable = [key for key in now if key not in skipped]
    if not comparable:
        raise UserError(f"nothing to compare: {next(iter(skipped.values()))}")
    for index, key in enumerate(comparable):
        progress.update(index, len(comparable) + 1, key)
        workload, frame = now[key]
        checks[key] = check_workload(
            before[key][1],
            frame,
            workload,
            twins[key],
            config,
            promises[key] if key in config.live else None,
            last_new_image(frame, key, events),
            known,
        )
    verdicts = judge({key: one.checked for key, one in checks.items()}, config)
    verdicts |= {key: untested(reason) for key, reason in skipped.items()}
    _write(verdicts, checks, config, output)
    if calibrations is not None:
        write_calibrations(known, calibrations)
    drifted = tuple(key for key in comparable if verdicts[key].drifted)
    progress.update(1, 1, f"{len(drifted)} of {len(comparable)} workloads drifted")
    return DriftSummary(drifted, tuple(comparable))


def _eventless(dataset: Dataset, events: Events) -> Dataset:
    return {
        key: (workload, without_maintenance(frame, events))
        for key, (workload, frame) in dataset.items()
    }


def _incomparable(before: Dataset, now: Dataset, twins: Mapping[str, FloatArray]) -> dict[str, str]:
    """Return why each workload that can't be compared can't."""
    reasons = {}
    for key in {**now, **before}:
        if key not in now:
            reasons[key] = f"{key} has no recent telemetry; what runs now is kept"
        elif key not in before:
            reasons[key] = f"{key} is new: it has no reference; run the autoscaling pipeline"
        elif key not in twins:
            reasons[key] = f"{key} has no twin; run the embedding stage on the reference"
    return reasons


def _write(
    verdicts: Mapping[str, Verdict],
    checks: Mapping[str, WorkloadCheck],
    config: DriftConfig,
    output: Path,
) -> None:
    png = drift_picture(
        {key: one.courses for key, one in checks.items()},
        verdicts,
        {key: one.block_s for key, one in checks.items()},
    )
    with finished_directory(output) as folder:
        write_json(folder / "drift.json", {key: one.to_json() for key, one in verdicts.items()})
        write_bytes(folder / "drift.png", png)
        write_text(folder / "drift.html", drift_page(verdicts, png, config))
