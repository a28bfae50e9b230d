"""Real traces with steps that were added: false alarms, power and delay of the product's scans."""

import math

import numpy as np

from components.cluster.compiled import FloatArray
from components.drift_check.calibrations import Calibrations
from components.drift_check.rhythm import rhythm_of
from tests.benchmarks.drift_detectors import Week, looked_at, weeks
from tests.benchmarks.drift_incidents import AIM_PER_MONTH, apart
from tests.benchmarks.drift_traces import DATA, SOURCES, Trace

# Size of the step in deviations of the history less its rhythm, and within how many seconds.
SHIFTS = {"half_sigma": (0.5, 43200.0), "one_sigma": (1.0, 21600.0)}
_STEPS_A_WEEK = 3
_LIMIT = math.log(30.0 / AIM_PER_MONTH)


def shifted_lines(rng: np.random.Generator) -> dict[str, float | None]:
    """Print and return it for the held-out half, labelled incidents left out; {} without data."""
    traces = [
        trace
        for source, read in SOURCES.items()
        if (DATA / source).is_dir()
        for trace in read()
        if trace.is_held_out
    ]
    if not traces:
        return {}
    false, days, trusted = 0, 0.0, []
    delays: dict[str, list[float]] = {name: [] for name in SHIFTS}
    for trace in traces:
        calm: list[FloatArray] = []
        for week in weeks(trace):
            known = Calibrations().of(week.known, week.known_s, trace.step_s)
            trusted.append(known.calibration is not None)
            values = _without_incidents(trace, week)
            times, logs = looked_at(values, week.time_s, trace.step_s, known)
            calm.append(times[logs > _LIMIT])
            deviation = _deviation(week)
            for name, (size, within_s) in SHIFTS.items():
                latest = max(float(week.time_s[-1]) - within_s, float(week.time_s[0]) + 1.0)
                for onset_s in rng.uniform(week.time_s[0], latest, _STEPS_A_WEEK):
                    stepped = values + np.where(week.time_s >= onset_s, size * deviation, 0.0)
                    times, logs = looked_at(stepped, week.time_s, trace.step_s, known, floor=0.0)
                    after = times[(logs > _LIMIT) & (times >= onset_s)]
                    delays[name].append(float(after[0] - onset_s) if len(after) else math.inf)
        false += len(apart(np.concatenate(calm)))
        days += sum(float(week.time_s[-1] - week.time_s[0]) for week in weeks(trace)) / 86400.0
    keys = _summary(30.0 * false / days, delays)
    print(
        f"steps added to {len(traces)} real traces held out ({days:.0f} days; the model"
        f" holds in {np.mean(trusted):.0%} of the weeks): {keys}"
    )
    return keys


def _summary(per_month: float, delays: dict[str, list[float]]) -> dict[str, float | None]:
    keys: dict[str, float | None] = {"false_alarms_per_month": round(per_month, 3)}
    for name, (_, within_s) in SHIFTS.items():
        found = [one for one in delays[name] if math.isfinite(one)]
        keys[f"power_{name}"] = round(float(np.mean([d <= within_s for d in delays[name]])), 3)
        keys[f"delay_hours_{name}"] = round(float(np.median(found)) / 3600.0, 2) if found else None
    return keys


def _without_incidents(trace: Trace, week: Week) -> FloatArray:
    values = week.values.copy()
    for one in trace.incidents:
        values[(week.time_s >= one.begin) & (week.time_s <= one.end)] = np.nan
    return values


def _deviation(week: Week) -> float:
    rest = week.known - rhythm_of(week.known, week.known_s).at(week.known_s)
    return float(np.nanstd(rest))
