"""The table and the picture of the comparison of rules, learners and bounds."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise

import numpy as np
from matplotlib.figure import Figure

from components.policy.statistics import mean_interval
from tests.baselines.planning import PLANNED, PLANNED_SHARES, THOROUGH
from tests.baselines.rules import (
    FORESIGHT,
    FORESIGHT_SHARES,
    HPA_DEFAULT,
    RULE_SEARCHED,
    VIOLATION_PENALTY,
)
from tests.baselines.worlds import Sizes

SHOWN = ("reward", "violation", "violation_5_percent", "cpu_utilisation", "memory_utilisation")
# By controller and field, one value a seed.
Means = Mapping[str, Mapping[str, list[float]]]


def interval(values: list[float]) -> tuple[float, float]:
    """(mean, half of the 95 % interval) over seeds."""
    found = mean_interval(np.array(values))
    return found.mean, found.high - found.mean


def print_bounds(means: Means) -> None:
    """How far both bounds lie apart, and how much each still rises with its effort."""
    found = [float(np.mean(means[name]["reward"])) for name in FORESIGHT_SHARES]
    planned = float(np.mean(means[PLANNED]["reward"]))
    print("the optimum without foresight lies between the planner and foresight, as far as the")
    print("trials found that one: what it still rises by adds to the gap")
    print(f"  {planned:.4f} to {found[-1]:.4f}, a gap of {found[-1] - planned:.4f}")
    for name in PLANNED_SHARES:
        gain, half = interval(list(np.subtract(priced(means, name), priced(means, RULE_SEARCHED))))
        print(f"  {name}: {gain:+.4f} +- {half:.4f} on the rule that it starts from, violations")
        print(f"    at the price of {VIOLATION_PENALTY} that both were searched with")
    rises = [later - earlier for earlier, later in pairwise(found)]
    shown = ", ".join(f"{rise:.4f}" for rise in rises)
    print(f"  foresight rose by {shown} with four times the trials each")
    if len(rises) > 1 and rises[-2] > rises[-1] > 0.0:
        # Rises that shrink by one factor add up to a geometric series.
        rest = rises[-1] ** 2 / (rises[-2] - rises[-1])
        print(f"  which leaves {rest:.4f} to come if they go on shrinking by that factor")


def priced(means: Means, name: str) -> list[float]:
    """A controller's reward with violations at the price of the search, a value a seed."""
    row = means[name]
    return list(np.array(row["reward"]) - VIOLATION_PENALTY * np.array(row["violation"]))


def draw(means: Means, sizes: Sizes, figure: Figure) -> None:
    """Both bounds by their effort: foresight's reward, the planner's priced gain on its rule."""
    left, right = figure.subplots(1, 2)
    trials = [sizes.foresight_trials // share for share in FORESIGHT_SHARES.values()]
    found = [float(np.mean(means[name]["reward"])) for name in FORESIGHT_SHARES]
    left.plot(trials, found, "o-", label="foresight")
    for style, name in (("--", PLANNED), (":", RULE_SEARCHED)):
        level = float(np.mean(means[name]["reward"]))
        left.axhline(level, linestyle=style, color="grey", label=name)
    left.set(xscale="log", xlabel="trials a workload", ylabel="mean reward")
    left.legend()
    futures = [THOROUGH.part(share).deciding for share in PLANNED_SHARES.values()]
    gains = np.array([np.subtract(priced(means, name), priced(means, RULE_SEARCHED))
                      for name in PLANNED_SHARES])  # fmt: skip
    right.plot([0, *futures], np.vstack([np.zeros(gains.shape[1]), gains]), ".-", color="grey")
    right.plot([0, *futures], [0.0, *gains.mean(axis=1)], "o-", label="mean of the seeds")
    right.set(xlabel="futures that decide", ylabel="the planner's gain on its rule, priced")
    right.legend()


def print_table(means: Means, sizes: Sizes) -> None:
    """One row a controller, mean and half interval of each figure."""
    bound = np.mean(means[FORESIGHT]["reward"])
    default = np.mean(means[HPA_DEFAULT]["reward"])
    print(f"\n{sizes.applications} applications, {sizes.decisions} decisions of 60 s a seed")
    print(f"{'':36s}" + "".join(f"{field:>20s}" for field in SHOWN) + "   gap closed    CPU s")
    for name, row in means.items():
        cells = "".join("{:12.3f} ±{:6.4f}".format(*interval(row[field])) for field in SHOWN)
        closed = (np.mean(row["reward"]) - default) / (bound - default)
        print(f"{name:36s}{cells}{closed:11.0%}{np.mean(row['seconds']):11.1f}")
