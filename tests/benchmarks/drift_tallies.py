"""What detectors did on simulated workloads: false alarms, and the delays of shifts."""

import math
from dataclasses import dataclass, field

import numpy as np

from components.cluster.compiled import FloatArray
from components.drift_check.calibration import Calibration
from components.drift_check.calibrations import Calibrations
from components.drift_check.scan import scan
from tests.benchmarks.drift_series import (
    BEST,
    DAY,
    MONTH_DAYS,
    OTHERS,
    OURS,
    STEP_S,
    ours,
    rhythm,
    series,
    told_all_but_when,
)

TESTS = ("input", "dynamics", "outcome")
# Size of the shift in deviations, and within how many hours it should be found.
SHIFTS = {"half_sigma": (0.5, 12.0), "one_sigma": (1.0, 6.0)}
_HISTORY_DAYS, _QUIET_MONTHS, _SHIFTS_A_WORKLOAD = 14, 2, 3


@dataclass
class Tally:
    """What one detector did on one test; `event_p` are p-values where an event told the onset."""

    alarms: int = 0
    months: float = 0.0
    delays: dict[str, list[float]] = field(default_factory=lambda: {name: [] for name in SHIFTS})
    event_p: dict[str, list[float]] = field(default_factory=lambda: {"none": [], **_empty()})
    trusted: list[bool] = field(default_factory=list)


def _empty() -> dict[str, list[float]]:
    return {name: [] for name in SHIFTS}


def alarms_apart(found: FloatArray) -> int:
    """How many alarms: those within a day of the one before are the same."""
    count, last = 0, -math.inf
    for step in found:
        if step - last > DAY:
            count, last = count + 1, step
    return count


def one_workload(
    test: str, rng: np.random.Generator, tallies: dict[str, Tally], others: bool
) -> None:
    """Let detectors see months without a shift, and each shift with two days before and after.

    `others`: also those that are compared, for one month.
    """
    before, month = _HISTORY_DAYS * DAY, MONTH_DAYS * DAY
    noise = series(test, before + _QUIET_MONTHS * month, rng)
    raw = noise + rhythm(test, 0, len(noise))
    time_s = STEP_S * np.arange(len(raw))
    # The check takes an outcome that gets better for no drift.
    only_up = test == "outcome"
    known = Calibrations().of(raw[:before], time_s[:before], STEP_S, only_up)
    history, recent = np.split(raw - known.rhythm.at(time_s), [before])
    tallies[OURS].trusted.append(known.calibration is not None)
    looks = {OURS: ours(known)}
    if others:
        looks |= {name: make(history, raw[:before]) for name, make in OTHERS.items()}
    for name, look in looks.items():
        months = _QUIET_MONTHS if name == OURS else 1
        seen = slice(0, months * month)
        tallies[name].alarms += alarms_apart(look(recent[seen], raw[before:][seen]))
        tallies[name].months += months
    for name, (size, hours) in SHIFTS.items():
        for _ in range(_SHIFTS_A_WORKLOAD):
            # At any time of the day; what is looked at begins as the history does, week by week.
            first = 7 * DAY * int(rng.integers(0, (_QUIET_MONTHS * MONTH_DAYS - 5) // 7))
            onset = 2 * DAY + int(rng.integers(0, DAY))
            shifted = slice(first, first + onset + 2 * DAY)
            step = np.where(np.arange(onset + 2 * DAY) >= onset, size, 0.0)
            clean, measured = recent[shifted] + step, raw[before:][shifted] + step
            for detector, look in looks.items():
                tallies[detector].delays[name].append(delay_of(look(clean, measured), onset))
            best = told_all_but_when(test, size)(noise[before:][shifted] + step, measured)
            tallies[BEST].delays[name].append(delay_of(best, onset))
        if known.calibration is not None:
            end = onset + round(hours * 240)
            event(known.calibration, clean[:end], onset, name, tallies[OURS])
            event(known.calibration, recent[shifted][:end], onset, "none", tallies[OURS])


def delay_of(found: FloatArray, onset: int) -> float:
    """Hours from the shift to the first alarm."""
    after = found[found >= onset]
    return float((after[0] - onset + 1) * STEP_S / 3600.0) if len(after) else math.inf


def event(
    calibration: Calibration, values: FloatArray, onset: int, name: str, tally: Tally
) -> None:
    """Look as the check does where a new image came at the onset."""
    found = scan(values, calibration.model, onsets=(onset, onset + 40))
    tally.event_p[name].append(calibration.p_value_told(float(found.evidence.max())))


def simulated(count: int, rng: np.random.Generator) -> dict[str, dict[str, Tally]]:
    """What every detector did on `count` workloads for each test; the slow ones saw a third."""
    results = {test: {name: Tally() for name in (OURS, BEST, *OTHERS)} for test in TESTS}
    for number in range(count):
        for test in TESTS:
            one_workload(test, rng, results[test], others=number % 3 == 0)
    return results
