"""Rules, learners and the bound on one simulator, none scored on what it was tuned on.

python -m tests.benchmarks.baselines [--quick] [--seeds N] [--share X]; the last line is JSON.
Each seed draws its own applications; whatever is tuned, searched or trained is so anew. The
interval is Student's over the seeds' means.

Full run, 5 seeds x 48 applications, 12 minutes on one core: reward (violations) of HPA 70 % .692
(44 %), HPA tuned .881 (2.9 %), HPA + VPA tuned .874 +- .005 (2.4 %), KEDA on requests .874 (2.6 %),
on the queue .872 (1.7 %), Knative .876 (2.1 %), FIRM .860, DQN .840, A2C .844, PPO .854, rule
searched .886 +- .004 (1.7 %), planner .883 (3.1 %), foresight .935 +- .004. Foresight converges: on
3 seeds x 12 applications it gains .003 from four times these trials and .0005 from another four.
The planner is not above the rule that it starts from: its six minutes and six futures are too few.
"""

import argparse
import json
import os
import time
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from itertools import pairwise
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("NUMBA_NUM_THREADS", "1")

import numpy as np
import torch
from matplotlib.figure import Figure

from components.artifacts.files import write_bytes
from components.cluster.compiled import FloatArray
from components.cluster.reward import EPISODE_FIELDS
from components.pictures import picture_png
from components.policy.rule import default_rule, from_unit
from components.validation.statistics import mean_interval
from tests.baselines.learners import play_learners
from tests.baselines.planning import Planner
from tests.baselines.rules import (
    FORESIGHT,
    FORESIGHT_SHARES,
    HPA_DEFAULT,
    HPA_VPA_TUNED,
    RULE_SEARCHED,
    Figures,
    figures_of,
    play_bounds,
    play_rule,
    play_tuned,
    play_untuned,
    search_common,
    search_each,
    tune,
    watched,
)
from tests.baselines.worlds import FULL, QUICK, Sizes, draw_world, part_of

SHOWN = ("reward", "violation", "violation_5_percent", "cpu_utilisation", "memory_utilisation")
PLANNED = "planning, no foresight"
KEYS = {
    HPA_DEFAULT: "hpa_default",
    HPA_VPA_TUNED: "hpa_vpa_tuned",
    RULE_SEARCHED: "rule_searched",
    FORESIGHT: "foresight",
    PLANNED: "planned",
}


def play(seed: int, sizes: Sizes) -> Iterator[tuple[str, Figures]]:
    """Every controller's name and its figures [B] on the seed's scored episodes."""
    world = draw_world(seed, sizes)
    rng = np.random.default_rng([seed, 2])
    history = watched(world.tuning, world.scored.allocation)
    yield from play_untuned(world, history)
    tuned = tune(world, history)
    yield from play_tuned(world, tuned, history)
    taken_over = replace(world.scored, allocation=tuned.start)
    yield from play_learners(taken_over, sizes.learner_decisions, seed)

    def ruled(rules: FloatArray) -> Figures:
        return figures_of(play_rule(world.scored, rules, tuned.start))

    batch = len(tuned.start)
    yield "rule, default", ruled(np.tile(default_rule(), (batch, 1)))
    common = search_common(world.others, world.others_allocation, sizes.global_iterations, rng)
    yield "rule, one for all", ruled(np.tile(from_unit(common), (batch, 1)))
    rules = search_each(world, tuned, common, sizes.search_iterations, rng)
    yield RULE_SEARCHED, ruled(rules)
    planner = Planner(world.scored, rules, world.tuning.rates, rng)
    yield PLANNED, planner.play(tuned.start)
    yield from play_bounds(world, rules, tuned.start, sizes.foresight_trials, rng)


def interval(values: list[float]) -> tuple[float, float]:
    """(mean, half of the 95 % interval) over seeds."""
    found = mean_interval(np.array(values))
    return found.mean, found.high - found.mean


def main() -> None:
    """Play every seed and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="two seeds, small sizes")
    parser.add_argument("--seeds", type=int, default=5, help="how many worlds")
    parser.add_argument("--share", type=float, default=1.0, help="of the sizes, to save time")
    parser.add_argument("--picture", type=Path, help="write the bound's convergence there (PNG)")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    sizes, seeds = (
        (QUICK, 2) if arguments.quick else (part_of(FULL, arguments.share), arguments.seeds)
    )
    means: dict[str, dict[str, list[float]]] = {}
    seconds: dict[str, list[float]] = {}
    for seed in range(seeds):
        started = time.process_time()
        for name, figures in play(seed, sizes):
            row = means.setdefault(name, {field: [] for field in EPISODE_FIELDS})
            for field in EPISODE_FIELDS:
                row[field].append(float(figures[field].mean()))
            seconds.setdefault(name, []).append(time.process_time() - started)
            started = time.process_time()
            print(f"seed {seed}: {name}: {row['reward'][-1]:.4f}", flush=True)
    print_table(means, seconds, sizes)
    keys = {}
    for name, key in KEYS.items():
        keys[f"reward_{key}"] = round(float(np.mean(means[name]["reward"])), 4)
        keys[f"violation_{key}"] = round(float(np.mean(means[name]["violation"])), 4)
    print_bounds(means)
    if arguments.picture:
        write_bytes(arguments.picture, picture_png(partial(draw, means, sizes), 6.0, 3.6))
    print(json.dumps(keys))


def print_bounds(means: dict[str, dict[str, list[float]]]) -> None:
    """How far both bounds lie apart, and how much the upper one still rises with its trials."""
    found = [float(np.mean(means[name]["reward"])) for name in FORESIGHT_SHARES]
    planned = float(np.mean(means[PLANNED]["reward"]))
    searched = float(np.mean(means[RULE_SEARCHED]["reward"]))
    print("the optimum without foresight lies between the planner and foresight, as far as the")
    print("trials found that one: what it still rises by adds to the gap")
    print(f"  {planned:.4f} to {found[-1]:.4f}, a gap of {found[-1] - planned:.4f}")
    print(f"  of which the searched rule's distance to the planner is {planned - searched:.4f}")
    rises = [later - earlier for earlier, later in pairwise(found)]
    shown = ", ".join(f"{rise:.4f}" for rise in rises)
    print(f"  foresight rose by {shown} with four times the trials each")
    if len(rises) > 1 and rises[-2] > rises[-1] > 0.0:
        # Rises that shrink by one factor add up to a geometric series.
        rest = rises[-1] ** 2 / (rises[-2] - rises[-1])
        print(f"  which leaves {rest:.4f} to come if they go on shrinking by that factor")


def draw(means: dict[str, dict[str, list[float]]], sizes: Sizes, figure: Figure) -> None:
    """Foresight's mean reward by trials, beside the planner and the searched rule."""
    axes = figure.subplots()
    trials = [sizes.foresight_trials // share for share in FORESIGHT_SHARES.values()]
    found = [float(np.mean(means[name]["reward"])) for name in FORESIGHT_SHARES]
    axes.plot(trials, found, "o-", label="foresight")
    for style, name in (("--", PLANNED), (":", RULE_SEARCHED)):
        level = float(np.mean(means[name]["reward"]))
        axes.axhline(level, linestyle=style, color="grey", label=name)
    axes.set(xscale="log", xlabel="trials a workload", ylabel="mean reward")
    axes.legend()


def print_table(
    means: dict[str, dict[str, list[float]]], seconds: dict[str, list[float]], sizes: Sizes
) -> None:
    """One row a controller, mean and half interval of each figure."""
    bound = np.mean(means[FORESIGHT]["reward"])
    default = np.mean(means[HPA_DEFAULT]["reward"])
    print(f"\n{sizes.applications} applications, {sizes.decisions} decisions of 60 s a seed")
    print(f"{'':36s}" + "".join(f"{field:>20s}" for field in SHOWN) + "   gap closed    CPU s")
    for name, row in means.items():
        cells = "".join("{:12.3f} ±{:6.4f}".format(*interval(row[field])) for field in SHOWN)
        closed = (np.mean(row["reward"]) - default) / (bound - default)
        print(f"{name:36s}{cells}{closed:11.0%}{np.mean(seconds[name]):11.1f}")


if __name__ == "__main__":
    main()
