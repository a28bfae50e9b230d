"""After a retraining: what the workload does now is what it is compared with from here on.

A policy that was refused moves the reference too. The twin knows the new behaviour, nothing better
was found for it, and the next check would find the same drift again until the budget ends.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from components.artifacts.files import finished_directory, read_json, write_json
from components.artifacts.store import Store
from components.drift_check.config import DriftConfig
from components.drift_check.events import read_events, without_maintenance
from components.drift_check.findings import block_steps
from components.drift_check.inputs import read_dataset
from components.drift_check.references import move_reference
from components.drift_check.shift import FEWEST_REFERENCE_BLOCKS
from components.errors import UserError

MOVED_FILE = "moved.json"
# Twice what a level needs: how much it wanders has to show as well.
_FEWEST_BLOCKS = 2 * FEWEST_REFERENCE_BLOCKS


def run(
    store: Store | None, dataset: Path, embedding: Path, rollout: Path, drift: Path, output: Path
) -> tuple[str, ...]:
    """Move the references of what was retrained; return their keys and write moved.json.

    The new reference begins where the drift did. Without a store (a dry run) nothing moves.
    Raises UserError for an input that is missing or damaged.
    """
    known, events = read_dataset(dataset), read_events(dataset)
    twins, decisions, verdicts = (
        read_json(folder / name)
        for folder, name in (
            (embedding, "twins.json"),
            (rollout, "rollout.json"),
            (drift, "drift.json"),
        )
    )
    moved: dict[str, dict[str, Any]] = {}
    for key in decisions:
        if key not in known or key not in twins:
            raise UserError(f"{key} was rolled out without telemetry or twin: give one run's")
        verdict = verdicts.get(key, {})
        frame = since_drift(without_maintenance(known[key][1], events), verdict)
        reasons = tuple(str(one) for one in verdict.get("reasons", ()))
        if store is not None:
            move_reference(store, key, frame, twins[key], decisions[key], reasons)
        moved[key] = {
            "moved": store is not None,
            "accepted": bool(decisions[key]["accepted"]),
            "begins": frame["time"].iloc[0].isoformat(),
            "ends": frame["time"].iloc[-1].isoformat(),
        }
    with finished_directory(output) as folder:
        write_json(folder / MOVED_FILE, moved)
    return tuple(moved)


def since_drift(frame: pd.DataFrame, verdict: Mapping[str, Any]) -> pd.DataFrame:
    """Return the rows from the drift's begin on; more where these are too few to compare with.

    Of several tests that found drift the last that began counts: all of it is new from there on.
    """
    begins = [one["since"] for one in verdict.get("tests", {}).values() if one["since"]]
    if not begins:
        return frame
    first = int((frame["time"] < max(pd.Timestamp(one) for one in begins)).sum())
    fewest = _FEWEST_BLOCKS * block_steps(frame, DriftConfig())
    first = max(0, min(first, len(frame) - fewest))
    return frame.iloc[first:].reset_index(drop=True)
