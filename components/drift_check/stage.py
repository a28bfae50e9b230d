"""The stage: read both datasets, test every workload, write verdicts, picture and page."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from components.artifacts.files import finished_directory, write_bytes, write_json, write_text
from components.artifacts.store import Store
from components.drift_check.calibrations import read_calibrations, write_calibrations
from components.drift_check.check import WorkloadCheck, check_workload
from components.drift_check.config import DriftConfig
from components.drift_check.events import (
    Events,
    last_new_image,
    read_events,
    without_maintenance,
)
from components.drift_check.findings import Promise
from components.drift_check.in_force import InForce, as_moved
from components.drift_check.inputs import (
    Dataset,
    read_dataset,
    read_promises,
    read_rules,
    read_twins,
)
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
    store: Store | None = None,
    calibrations: Store | None = None,
) -> DriftSummary:
    """Write drift.json, drift.png, drift.html, and in_force.json with the rules in force.

    Each dataset may hold an events.json: steps within maintenance are left out, and a workload
    with a new image is tested for what the image changed. Where a retraining has moved a
    workload's reference since, the `store` says so, and which policy is live and what was promised
    of it. In `calibrations`, if there is one, lie those of long references from one check to the
    next: seconds for each workload.

    Raises UserError for inputs that are missing, broken or have no workload in common.
    """
    before = _eventless(read_dataset(reference), read_events(reference))
    events = read_events(recent)
    now = _eventless(read_dataset(recent), events)
    known = InForce(
        before,
        read_twins(embedding),
        _promised(config, read_promises(validation)),
        rules=read_rules(validation),
    )
    if store is not None:
        known = as_moved(known, now, store)
    checks: dict[str, WorkloadCheck] = {}
    skipped = _incomparable(known, now)
    comparable = [key for key in now if key not in skipped]
    if not comparable:
        raise UserError(f"nothing to compare: {next(iter(skipped.values()))}")
    for index, key in enumerate(comparable):
        progress.update(index, len(comparable) + 1, key)
        workload, frame = now[key]
        made = read_calibrations(calibrations, key)
        checks[key] = check_workload(
            known.before[key][1],
            frame,
            workload,
            known.twins[key],
            config,
            known.promises.get(key),
            last_new_image(frame, key, events),
            made,
        )
        if calibrations is not None:
            write_calibrations(made, calibrations, key)
    verdicts = judge({key: one.checked for key, one in checks.items()}, config, known.told)
    verdicts |= {key: untested(reason) for key, reason in skipped.items()}
    _write(verdicts, checks, known.rules, config, output)
    drifted = tuple(key for key in comparable if verdicts[key].drifted)
    progress.update(1, 1, f"{len(drifted)} of {len(comparable)} workloads drifted")
    return DriftSummary(drifted, tuple(comparable))


def _promised(config: DriftConfig, promises: Mapping[str, Promise]) -> dict[str, Promise]:
    """Return the promises of the workloads that are live; raises UserError where one lacks."""
    unknown = [key for key in config.live if key not in promises]
    if unknown:
        raise UserError(f"validation promised nothing for {unknown[0]}, which is listed as live")
    return {key: promises[key] for key in config.live}


def _eventless(dataset: Dataset, events: Events) -> Dataset:
    return {
        key: (workload, without_maintenance(frame, events))
        for key, (workload, frame) in dataset.items()
    }


def _incomparable(known: InForce, now: Dataset) -> dict[str, str]:
    """Return why each workload that can't be compared can't."""
    reasons = {}
    for key in {**now, **known.before}:
        if key not in now:
            reasons[key] = f"{key} has no recent telemetry; what runs now is kept"
        elif key not in known.before:
            reasons[key] = f"{key} is new: it has no reference; run the autoscaling pipeline"
        elif key not in known.twins:
            reasons[key] = f"{key} has no twin; run the embedding stage on the reference"
    return reasons


def _write(
    verdicts: Mapping[str, Verdict],
    checks: Mapping[str, WorkloadCheck],
    rules: Mapping[str, Mapping[str, float]],
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
        write_json(folder / "in_force.json", {key: dict(rule) for key, rule in rules.items()})
        write_bytes(folder / "drift.png", png)
        write_text(folder / "drift.html", drift_page(verdicts, png, config))
