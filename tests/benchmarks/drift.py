"""False alarms, power and delay of the drift tests, beside ADWIN, Page-Hinkley and AWARE's rule.

python -m tests.benchmarks.drift [--quick]; the last line is JSON. Series are AR(1) with a lag-1
autocorrelation of .98 at the telemetry's step of 15 s: the input's with a rhythm of the day, the
outcome's with skewed innovations. Every detector learns from two weeks of history. A sigma is the
series' own (marginal) deviation; one of the innovations is a fifth of it, and half of that is less
than what two weeks leave unknown of the level.
"""

import argparse
import json
import math
import os
from collections.abc import Callable
from dataclasses import dataclass, field

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
from river.drift import ADWIN, PageHinkley
from scipy import signal, stats

from components.cluster.compiled import FloatArray
from components.drift_check.calibration import Calibration, calibrate
from components.drift_check.config import DriftConfig
from components.drift_check.innovations import GRID
from components.drift_check.rhythm import rhythm_of
from components.drift_check.scan import Model, scan
from tests.benchmarks.drift_incidents import incident_lines, trace_lines

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


def ours(calibration: Calibration) -> Looking:
    """The product's scan, calibrated on the history."""
    limit = calibration.threshold(ALARMS_PER_MONTH)
    return lambda values, _: np.flatnonzero(scan(values, calibration.model).evidence > limit)


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
    return values[: len(values) // HALF_HOUR * HALF_HOUR].reshape(-1, HALF_HOUR).mean(axis=1)


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
        HALF_HOUR,
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


@dataclass
class Tally:
    """What one detector did on one test; `event_p` are p-values where an event told the onset."""

    alarms: int = 0
    months: float = 0.0
    delays: dict[str, list[float]] = field(default_factory=lambda: {name: [] for name in SHIFTS})
    event_p: dict[str, list[float]] = field(default_factory=lambda: {"none": [], **_empty()})


def _empty() -> dict[str, list[float]]:
    return {name: [] for name in SHIFTS}


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
    found = rhythm_of(raw[:before], time_s[:before])
    history, recent = np.split(raw - found.at(time_s), [before])
    # The check takes an outcome that gets better for no drift.
    calibration = calibrate(history, found, STEP_S, rng, only_up=test == "outcome")
    looks = {OURS: ours(calibration)} | {
        name: make(history, raw[:before]) for name, make in OTHERS.items()
    }
    for name, look in looks.items():
        tallies[name].alarms += alarms_apart(look(recent, raw[before:]))
        tallies[name].months += 1.0
    for name, (size, hours) in SHIFTS.items():
        onset = int(rng.integers(2 * DAY, 20 * DAY))
        shifted = slice(onset - 2 * DAY, onset + 2 * DAY)
        step = np.where(np.arange(4 * DAY) >= 2 * DAY, size, 0.0)
        clean, measured = recent[shifted] + step, raw[before:][shifted] + step
        for detector, look in looks.items():
            tallies[detector].delays[name].append(delay_of(look(clean, measured)))
        best = told_all_but_when(test, size)(noise[before:][shifted] + step, measured)
        tallies[BEST].delays[name].append(delay_of(best))
        event(calibration, clean[: 2 * DAY + round(hours * 240)], name, tallies[OURS])
        event(calibration, recent[shifted][: 2 * DAY + round(hours * 240)], "none", tallies[OURS])


def delay_of(found: FloatArray) -> float:
    """Hours from the shift, two days after the beginning, to the first alarm."""
    after = found[found >= 2 * DAY]
    return float((after[0] - 2 * DAY + 1) * STEP_S / 3600.0) if len(after) else math.inf


def event(calibration: Calibration, values: FloatArray, name: str, tally: Tally) -> None:
    """Look as the check does where a new image came two days after the beginning."""
    found = scan(values, calibration.model, onsets=(2 * DAY, 2 * DAY + 40))
    tally.event_p[name].append(calibration.p_value_told(float(found.evidence.max())))


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
        "false_alarms_per_month": round(joined.alarms / max(joined.months, 1.0), 3)
    }
    for name in SHIFTS:
        keys[f"power_{name}"] = round(power(joined, name), 3)
        keys[f"delay_hours_{name}"] = delay(joined, name)
    return keys


def event_summary(tallies: list[Tally]) -> dict[str, float]:
    """Share of new images found to have shifted the series, at the check's rate of false ones."""
    limit = DriftConfig().false_discovery_rate
    return {
        f"found_{name}": round(
            float(np.mean([p <= limit for tally in tallies for p in tally.event_p[name]])), 3
        )
        for name in ("none", *SHIFTS)
    }


def print_table(results: dict[str, dict[str, Tally]], count: int) -> None:
    """A line for each detector and test, for people."""
    print(f"lag-1 autocorrelation {PHI} at {STEP_S:g} s; {count} workload-months for each test")
    print("detector, test: false alarms a month, .5 sigma in 12 h (delay), 1 sigma in 6 h (delay)")
    print("a detector that alarms nearly every day finds every shift, and tells nothing by it")
    for name in (OURS, BEST, *OTHERS):
        for test in TESTS:
            told = summary([results[test][name]])
            alarms = "by theory .1" if name == BEST else told["false_alarms_per_month"]
            print(
                f"{name:24} {test:9} {alarms:>12}  "
                f"{told['power_half_sigma']:8} ({told['delay_hours_half_sigma']} h)         "
                f"{told['power_one_sigma']:8} ({told['delay_hours_one_sigma']} h)"
            )


def main() -> None:
    """Print the table, the limits, the labelled incidents and the JSON line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    count = 4 if parser.parse_args().quick else 40
    rng = np.random.default_rng(6)
    results = {test: {name: Tally() for name in (OURS, BEST, *OTHERS)} for test in TESTS}
    for test in TESTS:
        for _ in range(count):
            one_workload(test, rng, results[test])
    print_table(results, count)
    mine = [results[test][OURS] for test in TESTS]
    print(f"where an event tells the onset (a new image): {event_summary(mine)}")
    print("the most a test that is told the onset finds at .1 false alarms a month, normal law:")
    limits = {}
    for step_s in (15.0, 60.0, 1800.0):
        most = {name: round(best_power(*SHIFTS[name], step_s), 3) for name in SHIFTS}
        limits[f"{step_s:g}_s"] = most
        print(f"  {PHI} at {step_s:g} s: {most}")
    document = {
        **summary(mine),
        "tests": {test: summary([results[test][OURS]]) for test in TESTS},
        "new_image": event_summary(mine),
        "best_untold": {
            test: {name: round(power(results[test][BEST], name), 3) for name in SHIFTS}
            for test in TESTS
        },
        "best_told": limits,
        "incidents": incident_lines(rng),
        "shifted_traces": trace_lines(rng),
    }
    print(json.dumps(document))


if __name__ == "__main__":
    main()
