"""Calibrations that are known already: a history that didn't change needs none anew."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from components.artifacts.files import json_bytes
from components.artifacts.store import Store
from components.cluster.compiled import FloatArray
from components.drift_check.calibration import Calibration, calibrate
from components.drift_check.rhythm import Rhythm
from components.drift_check.scan import Model
from components.errors import UserError

# Of the way that calibrations are made: another way must not meet the old ones.
_VERSION = b"1"
_NUMBERS = ("correlation", "innovation", "deviation", "step_s")
_ARRAYS = ("sizes", "log_density", "excess")


@dataclass(slots=True)
class Calibrations:
    """Calibrations by the digest of what they were made from; `asked` are those of this check."""

    known: dict[str, Calibration] = field(default_factory=dict)
    asked: set[str] = field(default_factory=set)

    def of(
        self, history: FloatArray, rhythm: Rhythm, step_s: float, only_up: bool = False
    ) -> Calibration:
        """Return the calibration on a history [K] less its rhythm, made now or before."""
        digest = hashlib.sha256(_VERSION + bytes([only_up]))
        for values in (history, rhythm.per_day, rhythm.errors, np.array([step_s])):
            digest.update(np.ascontiguousarray(values, dtype=np.float64).tobytes())
        key = digest.hexdigest()
        if key not in self.known:
            # The same telemetry gives the same verdict: the worlds have a seed of their own.
            rng = np.random.default_rng(0)
            self.known[key] = calibrate(history, rhythm, step_s, rng, only_up)
        self.asked.add(key)
        return self.known[key]


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


def _to_json(calibration: Calibration) -> dict[str, Any]:
    model = calibration.model
    numbers = {name: getattr(model, name) for name in _NUMBERS}
    arrays = {name: getattr(model, name).tolist() for name in _ARRAYS}
    return {**numbers, **arrays, "location": calibration.location, "scale": calibration.scale}


def _from_json(document: dict[str, Any]) -> Calibration:
    numbers = {name: float(document[name]) for name in _NUMBERS}
    arrays = {name: np.array(document[name], dtype=np.float64) for name in _ARRAYS}
    parts: dict[str, Any] = {**numbers, **arrays}
    model = Model(**parts)
    return Calibration(model, float(document["location"]), float(document["scale"]))
