"""The three tests where there are days of history: rhythm out, then a calibrated scan (pure).

Which scan, the history says: the one for AR(1) series is the surer where its model holds, and
alarms about nothing where it doesn't.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from components.cluster.compiled import FloatArray
from components.drift_check.calibration import Calibration
from components.drift_check.calibrations import Calibrations
from components.drift_check.config import DriftConfig
from components.drift_check.measured import Residuals, column, log_rates_of
from components.drift_check.rhythm import DAY_S
from components.drift_check.scan import Model, scan
from components.drift_check.shift import Shift
from components.drift_check.window_scan import BLOCK_S, WindowScan, scan_windows
from components.workload.spec import Workload
from components.workload.telemetry import STEP_S

MARGIN = "latency over its objective"
LONG_HISTORY_S = 3 * DAY_S
# A measure that is seldom there tells nothing of its own correlation.
_LEAST_PRESENT = 0.5
_REACH = 1.96


# An image rolls out pod by pod.
_ROLLS_OUT_S = 600


@dataclass(frozen=True, slots=True)
class Look:
    """What the scan knows: calibrations made before, and where a new image may have begun to act.

    `onsets` are the first and last step of the recent telemetry [R] at which it may have.
    """

    calibrations: Calibrations
    onsets: tuple[int, int] | None = None


def look_at(
    recent: pd.DataFrame, calibrations: Calibrations, new_image: pd.Timestamp | None
) -> Look:
    """Return what the scan knows of recent telemetry, with the time of its last new image."""
    if new_image is None:
        return Look(calibrations)
    first = int((recent["time"] < new_image).sum())
    return Look(calibrations, (first, min(first + _ROLLS_OUT_S // STEP_S, len(recent) - 1)))


def is_long(reference: pd.DataFrame) -> bool:
    """Return whether the reference has days enough to know its rhythm and its own wandering."""
    return bool(len(reference) * STEP_S >= LONG_HISTORY_S)


def input_shifts(
    reference: pd.DataFrame, recent: pd.DataFrame, block: int, config: DriftConfig, look: Look
) -> dict[str, Shift | None]:
    """Return whether the request rate stepped away from its rhythm."""
    floor = math.log(config.rate_factor)
    before, now = log_rates_of(reference), log_rates_of(recent)
    return {"request rate": _stepped(before, now, (reference, recent), block, floor, look)}


def dynamics_shifts(
    before: Residuals,
    now: Residuals,
    frames: tuple[pd.DataFrame, pd.DataFrame],
    block: int,
    config: DriftConfig,
    look: Look,
) -> dict[str, Shift | None]:
    """Return whether the twin's residuals of CPU, memory or latency stepped."""
    measures = {
        "CPU per request": (before.cpu, now.cpu, config.cpu_factor),
        "memory": (before.memory, now.memory, config.memory_factor),
        "latency": (before.latency, now.latency, config.latency_factor),
    }
    return {
        name: _stepped(first, second, frames, block, math.log(factor), look)
        for name, (first, second, factor) in measures.items()
    }


def outcome_shifts(
    reference: pd.DataFrame,
    recent: pd.DataFrame,
    workload: Workload,
    block: int,
    config: DriftConfig,
    look: Look,
) -> dict[str, Shift | None]:
    """Return whether latency over its objective stepped up: it moves before the SLO breaks."""
    before, now = (
        np.log(np.maximum(column(frame, "latency_ms"), 1e-3) / workload.slo.latency_ms)
        for frame in (reference, recent)
    )
    floor = math.log(config.latency_factor)
    # Answers that come sooner are no drift that needs anything.
    shift = _stepped(before, now, (reference, recent), block, floor, look, only_up=True)
    return {MARGIN: shift}


def _stepped(
    before: FloatArray,
    now: FloatArray,
    frames: tuple[pd.DataFrame, pd.DataFrame],
    block: int,
    floor: float,
    look: Look,
    only_up: bool = False,
) -> Shift | None:
    """Return the surest step in the recent series [R]; None where too little is measured."""
    if min(np.isfinite(before).mean(), np.isfinite(now).mean()) < _LEAST_PRESENT:
        return None
    times = [frame["time"].dt.as_unit("ns").astype("int64").to_numpy() / 1e9 for frame in frames]
    known = look.calibrations.of(before, times[0], float(STEP_S), only_up)
    if known.calibration is not None:
        found = _by_model(now - known.rhythm.at(times[1]), known.calibration, look)
    else:
        found = _by_windows(now, float(times[1][0]), known.windows)
    # Sure but too small to matter is no drift, and neither is what went away again.
    p_value = min(found.p_value, 1.0) if abs(found.size) >= floor else 1.0
    return replace(found, p_value=p_value, since=found.since // block)


def _by_model(recent: FloatArray, calibration: Calibration, look: Look) -> Shift:
    """Return the surest step of a series [R] less its rhythm that is as the scan's model says."""
    found = scan(recent, calibration.model)
    end = int(np.argmax(found.evidence))
    evidence, start = float(found.evidence[end]), int(found.start[end])
    p_value = calibration.p_value(evidence, len(recent))
    if look.onsets is not None:
        told = scan(recent, calibration.model, look.onsets)
        end = int(np.argmax(told.evidence))
        # Two looks at the same telemetry (Bonferroni).
        p_value, p_told = 2.0 * p_value, 2.0 * calibration.p_value_told(float(told.evidence[end]))
        if p_told < p_value:
            p_value, evidence, start = p_told, float(told.evidence[end]), int(told.start[end])
    size = _mean(recent[start:])
    reach = _REACH * _error(calibration.model, len(recent) - start)
    return Shift(size, size - reach, size + reach, evidence, p_value, start)


def _by_windows(now: FloatArray, first_s: float, windows: WindowScan) -> Shift:
    """Return the surest step of a series [R] that is not: its means over windows are looked at."""
    found = scan_windows(now, first_s, float(STEP_S), windows)
    end = int(np.argmax(found.evidence))
    evidence, start = float(found.evidence[end]), int(found.start[end])
    days = len(now) * STEP_S / DAY_S
    size = _mean(found.rest[start:])
    # The longest window's means deviate by so much; a longer mean does by no more.
    reach = _REACH * windows.spread * float(windows.deviations[-1])
    p_value = windows.p_value(evidence, days)
    return Shift(
        size, size - reach, size + reach, evidence, p_value, start * round(BLOCK_S / STEP_S)
    )


def _mean(values: FloatArray) -> float:
    return float(np.nanmean(values)) if np.isfinite(values).any() else 0.0


def _error(model: Model, steps: int) -> float:
    """Return the standard error of the mean of so many steps of the AR(1)."""
    most = model.innovation / (1.0 - model.correlation) / math.sqrt(steps)
    return min(most, model.deviation)
