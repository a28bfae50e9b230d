"""Simulated series for the drift benchmark, and the detectors that look at them."""

import math
from collections.abc import Callable

import numpy as np
from river.drift import ADWIN, PageHinkley
from scipy import signal, stats

from components.cluster.compiled import FloatArray
from components.drift_check.calibrations import Known
from components.drift_check.innovations import GRID
from components.drift_check.scan import Model, scan
from components.drift_check.window_scan import BLOCK_S, scan_windows

PHI, STEP_S, DAY = 0.98, 15.0, 5760
MONTH_DAYS = 30
ALARMS_PER_MONTH = 0.1
_HALF_HOUR = 120
# From a series without the rhythm and the same as measured to the steps at which it alarms.
Looking = Callable[[FloatArray, FloatArray], FloatArray]


def series(test: str, steps: int, rng: np.random.Generator) -> FloatArray:
    """An AR(1) [T] of unit deviation, innovations of the test's kind, without its rhythm."""
    if test == "outcome":
        innovations = (rng.gamma(4.0, size=steps) - 4.0) / 2.0
    else:
        innovations = rng.standard_normal(steps)
    innovations *= math.sqrt(1.0 - PHI * PHI)
    innovations[0] = rng.standard_normal()
    return signal.lfilter([1.0], [1.0, -PHI], innovations)


def rhythm(test: str, first: int, steps: int) -> FloatArray:
    """The rhythm [T] of the input; none for the others."""
    angle = 2.0 * np.pi * (first + np.arange(steps)) / DAY
    return 2.0 * np.sin(angle) + 0.5 * np.sin(2.0 * angle) if test == "input" else np.zeros(steps)


def ours(known: Known) -> Looking:
    """The product's: the scan where its model holds for the history, else the scan over windows."""
    calibration = known.calibration
    if calibration is not None:
        limit = calibration.threshold(ALARMS_PER_MONTH)
        return lambda rest, _: np.flatnonzero(scan(rest, calibration.model).evidence > limit)
    block = round(BLOCK_S / STEP_S)

    def steps(_: FloatArray, values: FloatArray) -> FloatArray:
        # A slice begins on the history's day of the week.
        found = scan_windows(values, 0.0, STEP_S, known.windows)
        logs = known.windows.return_days(found.evidence)
        late = np.flatnonzero(logs > math.log(MONTH_DAYS / ALARMS_PER_MONTH))
        return (late + 1) * block - 1

    return steps


def told_all_but_when(test: str, size: float) -> Looking:
    """What knows the series' law, the size and the sign: the best for an onset that isn't told.

    The Shiryaev-Roberts statistic, whose mean time to a false alarm is its threshold at least.
    """
    if test == "outcome":
        law = stats.gamma.logpdf(4.0 + 2.0 * GRID, 4.0) + math.log(2.0)
        law = np.maximum(law, -60.0)
    else:
        law = stats.norm.logpdf(GRID)
    innovation = math.sqrt(1.0 - PHI * PHI)
    # Where a step is half an hour an onset counts at once.
    model = Model(PHI, innovation, 1.0, 1800.0, np.array([size]), law, np.zeros(1))
    limit = math.log(MONTH_DAYS / ALARMS_PER_MONTH * DAY)
    return lambda values, _: np.flatnonzero(scan(values, model).evidence > limit)


def half_hours(values: FloatArray) -> FloatArray:
    """Means of 30 minutes."""
    return values[: len(values) // _HALF_HOUR * _HALF_HOUR].reshape(-1, _HALF_HOUR).mean(axis=1)


def streamed(values: FloatArray, detector: ADWIN | PageHinkley, every: int) -> FloatArray:
    """Steps at which river's detector tells drift."""
    found = []
    for index, value in enumerate(values.tolist()):
        detector.update(value)
        if detector.drift_detected:
            found.append((index + 1) * every - 1)
    return np.array(found, dtype=int)


def plain_adwin(history: FloatArray, raw: FloatArray) -> Looking:
    """ADWIN with river's settings on the telemetry as it is (each minute's last step)."""
    return lambda _, values: streamed(values[3::4], ADWIN(), 4)


def plain_page_hinkley(history: FloatArray, raw: FloatArray) -> Looking:
    """Page-Hinkley with river's settings on the telemetry as it is (each minute's last step)."""
    return lambda _, values: streamed(values[3::4], PageHinkley(), 4)


def adwin_half_hours(history: FloatArray, raw: FloatArray) -> Looking:
    """ADWIN on standardised means of 30 minutes, without the rhythm."""
    means = half_hours(history)
    return lambda values, _: streamed(
        (half_hours(values) - means.mean()) / means.std(),
        ADWIN(clock=1, grace_period=10),
        _HALF_HOUR,
    )


def moving_average(history: FloatArray, raw: FloatArray) -> Looking:
    """A rule like AWARE's: the last hour's mean is one deviation from the history's."""
    centre, reach = raw.mean(), raw.std()
    kernel = np.ones(240) / 240

    def steps(_: FloatArray, values: FloatArray) -> FloatArray:
        means = np.convolve(values, kernel, mode="valid")
        return np.flatnonzero(np.abs(means - centre) > reach) + 239

    return steps


OURS, BEST = "calibrated scan (ours)", "told all but when"
OTHERS = {
    "ADWIN, 30 min means": adwin_half_hours,
    "ADWIN, plain": plain_adwin,
    "Page-Hinkley, plain": plain_page_hinkley,
    "moving average (AWARE)": moving_average,
}
