"""How the planner without foresight converges: its gain on the rule by futures and by horizon.

python -m tests.benchmarks.planning [--quick] [--seeds N] [--picture FILE]; the last line is JSON.
It starts from the rule that is searched for each application, as in the benchmark `baselines`;
gains are of the reward less .1 times the violations, which both are chosen by. Every effort plays
the same episodes.
"""

import argparse
import json
import os
from dataclasses import replace
from functools import partial
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("NUMBA_NUM_THREADS", "1")

import numpy as np
from matplotlib.figure import Figure

from components.artifacts.files import write_bytes
from components.cluster.compiled import FloatArray
from components.pictures import picture_png
from tests.baselines.comparison_report import interval
from tests.baselines.planning import THOROUGH, Effort, Planner
from tests.baselines.rules import (
    VIOLATION_PENALTY,
    Figures,
    figures_of,
    play_rule,
    search_common,
    search_each,
    tune,
    watched,
)
from tests.baselines.worlds import FULL, QUICK, Sizes, draw_world

APPLICATIONS = 6
EFFORTS = (
    *(replace(THOROUGH, deciding=count) for count in (24, 96, 384)),
    *(replace(THOROUGH, minutes=minutes) for minutes in (5, 10, 40)),
)


def gains(seed: int, sizes: Sizes) -> FloatArray:
    """What each effort gains on the searched rule, [efforts, applications]."""
    world, rng = draw_world(seed, sizes), np.random.default_rng([seed, 2])
    tuned = tune(world, watched(world.tuning, world.scored.allocation))
    common = search_common(world.others, world.others_allocation, sizes.global_iterations, rng)
    rules = search_each(world, tuned, common, sizes.search_iterations, rng)
    ruled = priced(figures_of(play_rule(world.scored, rules, tuned.start)))
    found = []
    for effort in EFFORTS:
        fresh = np.random.default_rng([seed, 3])
        planner = Planner(world.scored, rules, world.tuning.rates, fresh, effort)
        found.append(priced(planner.play(tuned.start)) - ruled)
        print(f"seed {seed}: {told(effort)}: {found[-1].mean():+.4f}", flush=True)
    return np.stack(found)


def priced(figures: Figures) -> FloatArray:
    """Reward with violations at the price of the search, [B]."""
    scores: FloatArray = figures["reward"] - VIOLATION_PENALTY * figures["violation"]
    return scores


def told(effort: Effort) -> str:
    """An effort in words."""
    return f"{effort.deciding} futures of {effort.minutes} min"


def draw(found: FloatArray, figure: Figure) -> None:
    """Mean gains [efforts, applications] with their 95 % intervals, by futures and by minutes."""
    panels = figure.subplots(1, 2, sharey=True)
    kinds = (
        ("futures that decide", "minutes", "deciding"),
        ("minutes ahead", "deciding", "minutes"),
    )
    for axes, (label, fixed, varied) in zip(panels, kinds, strict=True):
        same = [i for i, e in enumerate(EFFORTS) if getattr(e, fixed) == getattr(THOROUGH, fixed)]
        same.sort(key=lambda index: int(getattr(EFFORTS[index], varied)))
        values = [int(getattr(EFFORTS[index], varied)) for index in same]
        means, halves = zip(*(interval(list(found[index])) for index in same), strict=True)
        axes.errorbar(values, means, yerr=halves, fmt="o-", capsize=3)
        axes.axhline(0.0, linestyle=":", color="grey")
        axes.set(xscale="log", xlabel=label)
    panels[0].set_ylabel("gain on the searched rule")


def main() -> None:
    """Plan with each effort and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one seed, small sizes")
    parser.add_argument("--seeds", type=int, default=2, help="how many worlds")
    parser.add_argument("--picture", type=Path, help="write the convergence there (PNG)")
    arguments = parser.parse_args()
    sizes = replace(QUICK if arguments.quick else FULL, applications=APPLICATIONS)
    seeds = 1 if arguments.quick else arguments.seeds
    found = np.concatenate([gains(seed, sizes) for seed in range(10, 10 + seeds)], axis=1)
    print(f"{found.shape[1]} applications, {sizes.decisions} decisions each")
    keys = {}
    for effort, row in zip(EFFORTS, found, strict=True):
        mean, half = interval(list(row))
        print(f"{told(effort):28s} {mean:+.4f} +- {half:.4f}, worst {row.min():+.4f}")
        keys[f"gain_{effort.deciding}_futures_{effort.minutes}_min"] = round(mean, 4)
    if arguments.picture:
        write_bytes(arguments.picture, picture_png(partial(draw, found), 9.0, 3.4))
    print(json.dumps(keys))


if __name__ == "__main__":
    main()
