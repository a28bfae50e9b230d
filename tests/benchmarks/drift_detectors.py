"""Detectors of shifts on public traces: the product's, and those that it is compared with.

Every one learns anew each week from the four weeks before, as a weekly run of the whole path would.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from river.drift import ADWIN, PageHinkley

from components.cluster.compiled import FloatArray
from components.drift_check.calibration import Calibration, calibrate
from components.drift_check.calibrations import Calibrations, Known
from components.drift_check.config import DriftConfig
from components.drift_check.rhythm import rhythm_of
from components.drift_check.scan import scan
from components.drift_check.window_scan import BLOCK_S, in_blocks, scan_windows, window_scan_of
from tests.benchmarks.drift_traces import Trace

HISTORY_SHARE = 0.35
_WEEK_S, _MEMORY_S = 7 * 86400.0, 28 * 86400.0
FLOOR = math.log(DriftConfig().rate_factor)
# From a trace to the times of its alarms at each of some thresholds, mildest first.
Detector = Callable[[Trace], list[FloatArray]]
RATES = (10.0, 5.0, 3.0, 2.0, 1.0, 0.5, 0.3, 0.2, 0.1, 0.05, 0.02, 0.01)


@dataclass(frozen=True, slots=True)
class Week:
    """What was known before it, and what came: values [T] with their times in seconds."""

    known: FloatArray
    known_s: FloatArray
    values: FloatArray
    time_s: FloatArray


def weeks(trace: Trace) -> list[Week]:
    """The weeks after the first 35 %, each with at most four weeks before it."""
    time_s, out = trace.time_s, []
    start_s = float(time_s[int(HISTORY_SHARE * len(time_s))])
    while start_s < time_s[-1]:
        before = (time_s < start_s) & (time_s >= start_s - _MEMORY_S)
        here = (time_s >= start_s) & (time_s < start_s + _WEEK_S)
        if before.any() and here.any():
            out.append(Week(trace.values[before], time_s[before], trace.values[here], time_s[here]))
        start_s += _WEEK_S
    return out


def at_rates(scores: list[tuple[FloatArray, FloatArray]]) -> list[FloatArray]:
    """Times at which the logarithm of the return days goes beyond each of RATES."""
    times = np.concatenate([time_s for time_s, _ in scores])
    logs = np.concatenate([one for _, one in scores])
    return [times[logs > math.log(30.0 / rate)] for rate in RATES]


def ours(trace: Trace) -> list[FloatArray]:
    """The product's: the scan where its model holds, else the scan over windows."""
    found = [
        (week, Calibrations().of(week.known, week.known_s, trace.step_s)) for week in weeks(trace)
    ]
    return at_rates([looked_at(week.values, week.time_s, trace.step_s, one) for week, one in found])


def looked_at(
    values: FloatArray, time_s: FloatArray, step_s: float, known: Known, floor: float = FLOOR
) -> tuple[FloatArray, FloatArray]:
    """Times, and the logarithm of the days in which so much is seen once without a step.

    A step that is smaller than the floor counts for none.
    """
    if known.calibration is not None:
        rest = values - known.rhythm.at(time_s)
        return time_s, _scanned(rest, known.calibration, floor)
    told = scan_windows(values, float(time_s[0]), step_s, known.windows)
    size = _means_since(told.rest, told.start)
    logs = np.where(np.abs(size) >= floor, known.windows.return_days(told.evidence), -np.inf)
    return time_s[0] + max(BLOCK_S, step_s) * np.arange(1, len(logs) + 1), logs


def scan_alone(trace: Trace) -> list[FloatArray]:
    """The scan whether its model holds or not."""
    scores = []
    for week in weeks(trace):
        rhythm = rhythm_of(week.known, week.known_s)
        rng = np.random.default_rng(0)
        calibration = calibrate(week.known - rhythm.at(week.known_s), rhythm, trace.step_s, rng)
        rest = week.values - rhythm.at(week.time_s)
        scores.append((week.time_s, _scanned(rest, calibration)))
    return at_rates(scores)


def _scanned(rest: FloatArray, calibration: Calibration, floor: float = FLOOR) -> FloatArray:
    found = scan(rest, calibration.model)
    logs = (found.evidence - calibration.location) / calibration.scale
    return np.where(np.abs(_means_since(rest, found.start)) >= floor, logs, -np.inf)


def _means_since(rest: FloatArray, start: FloatArray) -> FloatArray:
    """The mean [T] from each step's `start` on."""
    known = np.isfinite(rest)
    summed = np.concatenate([[0.0], np.cumsum(np.where(known, rest, 0.0))])
    counted = np.concatenate([[0.0], np.cumsum(known)])
    end = np.arange(1, len(rest) + 1)
    return (summed[end] - summed[start]) / np.maximum(counted[end] - counted[start], 1.0)


def without_rhythm(trace: Trace) -> tuple[FloatArray, FloatArray]:
    """Each week's blocks less their rhythm, in spreads of the history; and their times."""
    rests, times = [], []
    for week in weeks(trace):
        known = window_scan_of(week.known, week.known_s, trace.step_s)
        rest = scan_windows(week.values, float(week.time_s[0]), trace.step_s, known).rest
        rests.append(np.clip(rest / known.spread, -8.0, 8.0))
        width_s = max(BLOCK_S, trace.step_s)
        times.append(week.time_s[0] + width_s * np.arange(1, len(rest) + 1))
    return np.concatenate(rests), np.concatenate(times)


def adwin(trace: Trace) -> list[FloatArray]:
    """ADWIN on what is left without the rhythm."""
    deltas = (0.3, 0.1, 0.02, 2e-3, 1e-4, 1e-6, 1e-9, 1e-14, 1e-20, 1e-30)
    return _streamed(trace, [lambda d=one: ADWIN(delta=d, clock=1) for one in deltas])


def page_hinkley(trace: Trace) -> list[FloatArray]:
    """Page-Hinkley on what is left without the rhythm."""
    limits = (10.0, 20.0, 40.0, 80.0, 150.0, 300.0, 500.0, 800.0, 1500.0, 3000.0)
    return _streamed(trace, [lambda v=one: PageHinkley(threshold=v, delta=0.25) for one in limits])


def _streamed(
    trace: Trace, makers: Sequence[Callable[[], ADWIN | PageHinkley]]
) -> list[FloatArray]:
    rest, times = without_rhythm(trace)
    present = np.isfinite(rest)
    out = []
    for make in makers:
        detector, told = make(), []
        for value, time_s in zip(rest[present].tolist(), times[present].tolist(), strict=True):
            detector.update(value)
            if detector.drift_detected:
                told.append(time_s)
        out.append(np.array(told))
    return out


def moving_average(trace: Trace) -> list[FloatArray]:
    """A rule like AWARE's: the last hour's mean is some deviations from the history's."""
    times, far = [], []
    for week in weeks(trace):
        width_s = max(BLOCK_S, trace.step_s)
        length = max(1, round(3600.0 / width_s))
        blocks = in_blocks(week.values, trace.step_s)
        means = np.convolve(np.nan_to_num(blocks), np.ones(length) / length, mode="valid")
        far.append(np.abs(means - np.nanmean(week.known)) / max(float(np.nanstd(week.known)), 1e-9))
        times.append(week.time_s[0] + width_s * (np.arange(len(means)) + length))
    every, logs = np.concatenate(times), np.concatenate(far)
    limits = (0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 7.0, 10.0, 15.0, 30.0)
    return [every[logs > limit] for limit in limits]


DETECTORS: dict[str, Detector] = {
    "ours": ours,
    "scan alone": scan_alone,
    "ADWIN, no rhythm": adwin,
    "Page-Hinkley, no rhythm": page_hinkley,
    "moving average (AWARE)": moving_average,
}
