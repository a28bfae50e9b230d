"""False alarms, power and delay of the drift tests, beside ADWIN, Page-Hinkley and AWARE's rule.

python -m tests.benchmarks.drift [--quick] [--output FOLDER]; the last line is JSON. Series are
AR(1) with a lag-1 autocorrelation of .98 at the telemetry's step of 15 s: the input's with a rhythm
of the day, the outcome's with skewed innovations. Every detector learns from two weeks of history.
A sigma is the series' own (marginal) deviation; one of the innovations is a fifth of it, and half
of that is less than what two weeks leave unknown of the level. README.md beside this file has the
last full run, and why aims are missed.
"""

import argparse
import json
import math
import os
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
from scipy import stats

from components.drift_check.config import DriftConfig
from tests.benchmarks.drift_incidents import incident_lines
from tests.benchmarks.drift_series import (
    ALARMS_PER_MONTH,
    BEST,
    MONTH_DAYS,
    OTHERS,
    OURS,
    PHI,
    STEP_S,
)
from tests.benchmarks.drift_shifted import shifted_lines
from tests.benchmarks.drift_tallies import SHIFTS, TESTS, Tally, simulated


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


def print_table(results: dict[str, dict[str, Tally]]) -> None:
    """A line for each detector and test, for people."""
    print(f"lag-1 autocorrelation {PHI} at {STEP_S:g} s")
    print("detector, test, workload-months: false alarms a month,")
    print(".5 sigma in 12 h (delay), 1 sigma in 6 h (delay)")
    print("a detector that alarms nearly every day finds every shift, and tells nothing by it")
    for name in (OURS, BEST, *OTHERS):
        for test in TESTS:
            tally = results[test][name]
            told = summary([tally])
            alarms = "by theory .1" if name == BEST else told["false_alarms_per_month"]
            print(
                f"{name:24} {test:9} {tally.months:5.0f} {alarms:>12}  "
                f"{told['power_half_sigma']:8} ({told['delay_hours_half_sigma']} h)         "
                f"{told['power_one_sigma']:8} ({told['delay_hours_one_sigma']} h)"
            )
    for test in TESTS:
        share = float(np.mean(results[test][OURS].trusted))
        print(f"the scan's model held for {share:.0%} of the histories of {test}")


def main() -> None:
    """Print the table, the limits, the labelled incidents and the JSON line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--output", type=Path, help="folder for incidents.png")
    options = parser.parse_args()
    rng = np.random.default_rng(6)
    results = simulated(3 if options.quick else 34, rng)
    print_table(results)
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
        "workload_months": sum(tally.months for tally in mine),
        "tests": {test: summary([results[test][OURS]]) for test in TESTS},
        "new_image": event_summary(mine),
        "best_untold": {
            test: {name: round(power(results[test][BEST], name), 3) for name in SHIFTS}
            for test in TESTS
        },
        "best_told": limits,
        "incidents": incident_lines(options.output),
        "shifted_traces": shifted_lines(rng),
    }
    print(json.dumps(document))


if __name__ == "__main__":
    main()
