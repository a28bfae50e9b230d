"""What is known of histories already: one that didn't change is not learned anew."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np

from components.artifacts.files import json_bytes
from components.artifacts.store import Store
from components.cluster.compiled import FloatArray
from components.drift_check.calibration import Calibration, calibrate
from components.drift_check.model_check import LEAST_DAYS, holds
from components.drift_check.rhythm import DAY_S, Rhythm, rhythm_of
from components.drift_check.scan import Model
from components.drift_check.window_scan import WindowScan, window_scan_of
from components.errors import UserError

# Of the way that calibrations are made: another way must not meet the old ones.
_VERSION = b"2"


@dataclass(frozen=True, slots=True)
class Known:
    """What was learned of a history: its rhythm, and how steps are looked for.

    `calibration` is that of the scan where its model holds (model_check), else None: then `windows`
    are asked.
    """

    rhythm: Rhythm
    calibration: Calibration | None
    windows: WindowScan


@dataclass(slots=True)
class Calibrations:
    """What is known of histories, by their digests; `asked` are those of this check."""

    known: dict[str, Known] = field(default_factory=dict)
    asked: set[str] = field(default_factory=set)

    def of(
        self, history: FloatArray, time_s: FloatArray, step_s: float, only_up: bool = False
    ) -> Known:
        """Return what is known of a history [K] with its times in seconds, now or before."""
        digest = hashlib.sha256(_VERSION + bytes([only_up]))
        for values in (history, time_s, np.array([step_s])):
            digest.update(np.ascontiguousarray(values, dtype=np.float64).tobytes())
        key = digest.hexdigest()
        if key not in self.known:
            self.known[key] = _learned(history, time_s, step_s, only_up)
        self.asked.add(key)
        return self.known[key]


def _learned(history: FloatArray, time_s: FloatArray, step_s: float, only_up: bool) -> Known:
    rhythm = rhythm_of(history, time_s)
    windows = window_scan_of(history, time_s, step_s, only_up)
    if time_s[-1] - time_s[0] < LEAST_DAYS * DAY_S:
        return Known(rhythm, None, windows)
    # The same telemetry gives the same verdict: the worlds have a seed of their own.
    rng = np.random.default_rng(0)
    calibration = calibrate(history - rhythm.at(time_s), rhythm, step_s, rng, only_up)
    trusted = holds(history, time_s, rhythm, calibration, rng, only_up)
    return Known(rhythm, calibration if trusted else None, windows)


def read_calibrations(store: Store | None, key: str) -> Calibrations:
    """Return what earlier checks of the workload `key` left in the store; nothing without one.

    Raises UserError for an object that holds something else.
    """
    tagged = None if store is None else store.read_tagged(_place(key))
    if tagged is None:
        return Calibrations()
    try:
        document = json.loads(tagged[0])
        return Calibrations({digest: _from_json(one) for digest, one in document.items()})
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise UserError(f"{_place(key)} holds no calibrations: delete it") from error


def write_calibrations(calibrations: Calibrations, store: Store, key: str) -> None:
    """Leave those that this check of the workload asked for in the store, and no others.

    Of two checks at once the first to write wins: what the other made is made again when needed.
    """
    if not calibrations.asked:
        return
    kept = json_bytes(
        {one: _to_json(calibrations.known[one]) for one in sorted(calibrations.asked)}
    )
    tagged = store.read_tagged(_place(key))
    if tagged is None or tagged[0] != kept:
        store.write_if(_place(key), kept, None if tagged is None else tagged[1])


def _place(key: str) -> str:
    return f"calibrations/{key}.json"


def _to_json(known: Known) -> dict[str, Any]:
    calibration = known.calibration
    return {
        "rhythm": _fields(known.rhythm),
        "calibration": None
        if calibration is None
        else {**_fields(calibration), "model": _fields(calibration.model)},
        "windows": _fields(known.windows),
    }


def _fields(one: Rhythm | Calibration | Model | WindowScan) -> dict[str, Any]:
    values = {each.name: getattr(one, each.name) for each in fields(one)}
    return {
        name: value.tolist() if isinstance(value, np.ndarray) else value
        for name, value in values.items()
    }


def _from_json(document: dict[str, Any]) -> Known:
    calibration = document["calibration"]
    if calibration is not None:
        model = Model(**_arrays(calibration["model"]))
        calibration = Calibration(
            model, float(calibration["location"]), float(calibration["scale"])
        )
    return Known(
        Rhythm(**_arrays(document["rhythm"])),
        calibration,
        WindowScan(**_arrays(document["windows"])),
    )


def _arrays(document: dict[str, Any]) -> dict[str, Any]:
    return {
        name: np.array(value, dtype=np.float64) if isinstance(value, list) else value
        for name, value in document.items()
    }
