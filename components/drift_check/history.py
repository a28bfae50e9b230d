"""The three tests where there are days of history: rhythm out, then the calibrated scan (pure)."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

from components.cluster.compiled import FloatArray
from components.drift_check.config import DriftConfig
from components.drift_check.measured import Residuals, column, log_rates_of
from components.drift_check.rhythm import DAY_S, without_rhythm
from components.drift_check.scan import Calibration, calibrate, scan
from components.drift_check.shift import Shift
from components.workload.spec import Workload
from components.workload.telemetry import STEP_S

MARGIN = "latency over its objective"
LONG_HISTORY_S = 3 * DAY_S
# A measure that is seldom there tells nothing of its own correlation.
_LEAST_PRESENT = 0.5
_REACH = 1.96


def is_long(reference: pd.DataFrame) -> bool:
    """Return whether the reference has days enough to know its rhythm and its own wandering."""
    return bool(len(reference) * STEP_S >= LONG_HISTORY_S)


def input_shifts(
    reference: pd.DataFrame, recent: pd.DataFrame, block: int, config: DriftConfig
) -> dict[str, Shift | None]:
    """Return whether the request rate stepped away from its rhythm."""
    floor = math.log(config.rate_factor)
    before, now = log_rates_of(reference), log_rates_of(recent)
    return {"request rate": _stepped(before, now, (reference, recent), block, floor)}


def dynamics_shifts(
    before: Residuals,
    now: Residuals,
    frames: tuple[pd.DataFrame, pd.DataFrame],
    block: int,
    config: DriftConfig,
) -> dict[str, Shift | None]:
    """Return whether the twin's residuals of CPU, memory or latency stepped."""
    measures = {
        "CPU per request": (before.cpu, now.cpu, config.cpu_factor),
        "memory": (before.memory, now.memory, config.memory_factor),
        "latency": (before.latency, now.latency, config.latency_factor),
    }
    return {
        name: _stepped(first, second, frames, block, math.log(factor))
        for name, (first, second, factor) in measures.items()
    }


def outcome_shifts(
    reference: pd.DataFrame,
    recent: pd.DataFrame,
    workload: Workload,
    block: int,
    config: DriftConfig,
) -> dict[str, Shift | None]:
    """Return whether latency over its objective stepped up: it moves before the SLO breaks."""
    before, now = (
        np.log(np.maximum(column(frame, "latency_ms"), 1e-3) / workload.slo.latency_ms)
        for frame in (reference, recent)
    )
    shift = _stepped(before, now, (reference, recent), block, math.log(config.latency_factor))
    return {MARGIN: shift}


def _stepped(
    before: FloatArray,
    now: FloatArray,
    frames: tuple[pd.DataFrame, pd.DataFrame],
    block: int,
    floor: float,
) -> Shift | None:
    """Return the surest step in the recent series [R]; None where too little is measured."""
    if min(np.isfinite(before).mean(), np.isfinite(now).mean()) < _LEAST_PRESENT:
        return None
    times = [frame["time"].dt.as_unit("ns").astype("int64").to_numpy() / 1e9 for frame in frames]
    history, recent = without_rhythm(before, times[0], now, times[1])
    # The same telemetry gives the same verdict: the bootstrap has a seed of its own.
    calibration = calibrate(history, float(STEP_S), np.random.default_rng(0))
    found = scan(recent, calibration)
    end = int(np.argmax(found.ratio))
    statistic, start = float(found.ratio[end]), int(found.start[end])
    size = float(np.nanmean(recent[start:])) if np.isfinite(recent[start:]).any() else 0.0
    reach = _REACH * _error(calibration, len(recent) - start)
    # Sure but too small to matter is no drift, and neither is what went away again.
    p_value = calibration.p_value(statistic, len(recent)) if abs(size) >= floor else 1.0
    return Shift(size, size - reach, size + reach, statistic, p_value, start // block)


def _error(calibration: Calibration, steps: int) -> float:
    """Return the standard error of the mean of so many steps of the AR(1)."""
    return calibration.innovation / (1.0 - calibration.correlation) / math.sqrt(steps)
