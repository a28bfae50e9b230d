"""Calibrations that are known already: a history that didn't change needs none anew."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from components.artifacts.files import read_json, write_json
from components.cluster.compiled import FloatArray
from components.drift_check.calibration import Calibration, calibrate
from components.drift_check.rhythm import Rhythm
from components.drift_check.scan import Model
from components.errors import UserError

FILE = "calibrations.json"
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


def read_calibrations(folder: Path | None) -> Calibrations:
    """Return what an earlier check left in the folder; nothing where it left nothing.

    Raises UserError for a file that holds something else.
    """
    if folder is None or not (folder / FILE).exists():
        return Calibrations()
    try:
        document = read_json(folder / FILE)
        return Calibrations({key: _from_json(one) for key, one in document.items()})
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise UserError(f"{folder / FILE} holds no calibrations: delete it") from error


def write_calibrations(calibrations: Calibrations, folder: Path) -> None:
    """Leave those that this check asked for in the folder."""
    kept = {key: _to_json(calibrations.known[key]) for key in sorted(calibrations.asked)}
    write_json(folder / FILE, kept)


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
