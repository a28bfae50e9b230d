"""False alarms, power and delay of the drift tests, beside ADWIN, Page-Hinkley and AWARE's rule.

python -m tests.benchmarks.drift [--quick]; the last line is JSON. Series are AR(1) with a lag-1
autocorrelation of .98 at the telemetry's step of 15 s: the input's with a rhythm of the day, the
outcome's with skewed innovations. Every detector learns from two weeks of history.
"""

import argparse
import json
import math
import os
from collections.abc import Callable
from dataclasses import dataclass

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
from river.drift import ADWIN, PageHinkley
from scipy import signal, stats

from components.cluster.compiled import FloatArray
from components.drift_check.rhythm import without_rhythm
from components.drift_check.scan import calibrate, scan
from tests.benchmarks.drift_incidents import incident_lines

PHI, STEP_S, DAY = 0.98, 15.0, 5760
HISTORY_DAYS, MONTH_DAYS = 14, 30
HALF_HOUR = 120
ALARMS_PER_MONTH = 0.1
TESTS = ("input", "dynamics", "outcome")
# Size of the shift in deviations, and within how many hours it should be found.
SHIFTS = {"half_sigma": (0.5, 12.0), "one_sigma": (1.0, 6.0)}
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


def ours(history: FloatArray, raw: FloatArray, rng: np.random.Generator) -> Looking:
    """The product's scan, calibrated on the history."""
    calibration = calibrate(history, STEP_S, rng)
    limit = calibration.threshold(ALARMS_PER_MONTH)
    return lambda values, _: np.flatnonzero(scan(values, calibration).ratio > limit)


def half_hours(values: FloatArray) -> FloatArray:
    """Means of 30 minutes."""
    return values[: len(values) // HALF_HOUR * HALF_HOUR].reshape(-1, HALF_HOUR).mean(axis=1)


def streamed(values: FloatArray, detector: ADWIN | PageHinkley, every: int) -> FloatArray:
    """Steps at which river's detector tells drift."""
    found = []
    for index, value in enumerate(values.tolist()):
        detector.update(value)
        if detector.drift_detected:
            found.append((index + 1) * every - 1)
    return np.array(found, dtype=int)


def plain_adwin(history: FloatArray, raw: FloatArray, rng: np.random.Generator) -> Looking:
    """ADWIN with river's settings on the telemetry as it is (each minute's last step)."""
    return lambda _, values: streamed(values[3::4], ADWIN(), 4)


def plain_page_hinkley(history: FloatArray, raw: FloatArray, rng: np.random.Generator) -> Looking:
    """Page-Hinkley with river's settings on the telemetry as it is (each minute's last step)."""
    return lambda _, values: streamed(values[3::4], PageHinkley(), 4)


def adwin_half_hours(history: FloatArray, raw: FloatArray, rng: np.random.Generator) -> Looking:
    """ADWIN on standardised means of 30 minutes, without the rhythm."""
    means = half_hours(history)
    return lambda values, _: streamed(
        (half_hours(values) - means.mean()) / means.std(),
        ADWIN(clock=1, grace_period=10),
        HALF_HOUR,
    )


def moving_average(history: FloatArray, raw: FloatArray, rng: np.random.Generator) -> Looking:
    """A rule like AWARE's: the last hour's mean is one deviation from the history's."""
    centre, reach = raw.mean(), raw.std()
    kernel = np.ones(240) / 240

    def steps(_: FloatArray, values: FloatArray) -> FloatArray:
        means = np.convolve(values, kernel, mode="valid")
        return np.flatnonzero(np.abs(means - centre) > reach) + 239

    return steps


DETECTORS = {
    "calibrated scan (ours)": ours,
    "ADWIN, 30 min means": adwin_half_hours,
    "ADWIN, plain": plain_adwin,
    "Page-Hinkley, plain": plain_page_hinkley,
    "moving average (AWARE)": moving_average,
}


@dataclass
class Tally:
    """What one detector did on one test."""

    alarms: int = 0
    months: float = 0.0

    def __post_init__(self) -> None:
        self.delays: dict[str, list[float]] = {name: [] for name in SHIFTS}


def alarms_apart(found: FloatArray) -> int:
    """How many alarms: those within a day of the one before are the same."""
    count, last = 0, -math.inf
    for step in found:
        if step - last > DAY:
            count, last = count + 1, step
    return count


def one_workload(test: str, rng: np.random.Generator, tallies: dict[str, Tally]) -> None:
    """Let every detector see a month without a shift, and each shift two days before and after."""
    before, month = HISTORY_DAYS * DAY, MONTH_DAYS * DAY
    noise = series(test, before + month, rng)
    raw = noise + rhythm(test, 0, before + month)
    time_s = STEP_S * np.arange(before + month)
    history, recent = without_rhythm(raw[:before], time_s[:before], raw[before:], time_s[before:])
    shifts = {}
    for name, (size, _) in SHIFTS.items():
        onset = int(rng.integers(2 * DAY, 20 * DAY))
        shifted = slice(onset - 2 * DAY, onset + 2 * DAY)
        step = np.where(np.arange(4 * DAY) >= 2 * DAY, size, 0.0)
        shifts[name] = (recent[shifted] + step, raw[before:][shifted] + step)
    for detector, make in DETECTORS.items():
        tally = tallies[detector]
        look = make(history, raw[:before], rng)
        tally.alarms += alarms_apart(look(recent, raw[before:]))
        tally.months += 1.0
        for name, (clean, measured) in shifts.items():
            found = look(clean, measured)
            after = found[found >= 2 * DAY]
            delay_h = (after[0] - 2 * DAY + 1) * STEP_S / 3600.0 if len(after) else math.inf
            tally.delays[name].append(delay_h)


def power(tally: Tally, name: str) -> float:
    """Share of the shifts found in time."""
    return float(np.mean(np.array(tally.delays[name]) <= SHIFTS[name][1]))


def delay(tally: Tally, name: str) -> float | None:
    """Median delay in hours of those found within two days; None where none was."""
    found = [one for one in tally.delays[name] if math.isfinite(one)]
    return round(float(np.median(found)), 2) if found else None


def best_power(size: float, hours: float, step_s: float) -> float:
    """The most a test can find that is told the onset, at .1 false alarms a month."""
    steps = hours * 3600.0 / step_s
    evidence = size * math.sqrt((1.0 + (1.0 - PHI) ** 2 * steps) / (1.0 - PHI**2))
    looks = MONTH_DAYS * 24.0 / hours
    return float(stats.norm.cdf(evidence - stats.norm.isf(ALARMS_PER_MONTH / looks / 2.0)))


def summary(tallies: list[Tally]) -> dict[str, float | None]:
    """The issue's keys over some tallies."""
    joined = Tally(sum(t.alarms for t in tallies), sum(t.months for t in tallies))
    for name in SHIFTS:
        joined.delays[name] = [one for tally in tallies for one in tally.delays[name]]
    keys: dict[str, float | None] = {
        "false_alarms_per_month": round(joined.alarms / joined.months, 3)
    }
    for name in SHIFTS:
        keys[f"power_{name}"] = round(power(joined, name), 3)
        keys[f"delay_hours_{name}"] = delay(joined, name)
    return keys


def main() -> None:
    """Print the table, the limits, the labelled incidents and the JSON line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    count = 4 if parser.parse_args().quick else 40
    rng = np.random.default_rng(6)
    results = {test: {name: Tally() for name in DETECTORS} for test in TESTS}
    for test in TESTS:
        for _ in range(count):
            one_workload(test, rng, results[test])
    print(f"lag-1 autocorrelation {PHI} at {STEP_S:g} s; {count} workload-months for each test")
    print("detector, test: false alarms a month, .5 sigma in 12 h (delay), 1 sigma in 6 h (delay)")
    print("a detector that alarms nearly every day finds every shift, and tells nothing by it")
    for name in DETECTORS:
        for test in TESTS:
            told = summary([results[test][name]])
            print(
                f"{name:24} {test:9} {told['false_alarms_per_month']:12}  "
                f"{told['power_half_sigma']:8} ({told['delay_hours_half_sigma']} h)         "
                f"{told['power_one_sigma']:8} ({told['delay_hours_one_sigma']} h)"
            )
    print("the most a test that is told the onset finds at .1 false alarms a month:")
    limits = {}
    for step_s in (15.0, 60.0, 1800.0):
        most = {name: round(best_power(*SHIFTS[name], step_s), 3) for name in SHIFTS}
        limits[f"{step_s:g}_s"] = most
        print(f"  {PHI} at {step_s:g} s: {most}")
    incidents = incident_lines(rng)
    keys = summary([results[test]["calibrated scan (ours)"] for test in TESTS])
    by_test = {test: summary([results[test]["calibrated scan (ours)"]]) for test in TESTS}
    document = {**keys, "tests": by_test, "best_possible": limits, "incidents": incidents}
    print(json.dumps(document))


if __name__ == "__main__":
    main()
