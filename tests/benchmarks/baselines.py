"""Rules, learners and bounds on one simulator, none scored on what it was tuned on.

python -m tests.benchmarks.baselines [--quick] [--seeds N] [--share X] [--applications N]
[--without-learners] [--rows DIR] [--picture FILE]; the last line is JSON. Each seed draws its own
applications; whatever is tuned, searched or trained is so anew. The interval is Student's over the
seeds' means. tests/benchmarks/README.md has the figures.
"""

import argparse
import json
import os
import time
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("NUMBA_NUM_THREADS", "1")

import numpy as np
import torch

from components.artifacts.files import write_bytes
from components.cluster.compiled import FloatArray
from components.cluster.reward import EPISODE_FIELDS
from components.pictures import picture_png
from components.policy.rule import default_rule, from_unit
from tests.baselines.comparison_report import draw, print_bounds, print_table
from tests.baselines.learners import play_learners
from tests.baselines.planning import PLANNED, PLANNED_SHARES, THOROUGH, Planner
from tests.baselines.rules import (
    FORESIGHT,
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

SECONDS = "seconds"
KEYS = {
    HPA_DEFAULT: "hpa_default",
    HPA_VPA_TUNED: "hpa_vpa_tuned",
    RULE_SEARCHED: "rule_searched",
    FORESIGHT: "foresight",
    PLANNED: "planned",
}
# One seed's means by controller and field, and the CPU seconds.
Row = dict[str, float]


def play(seed: int, sizes: Sizes, learners: bool) -> Iterator[tuple[str, Figures]]:
    """Every controller's name and its figures [B] on the seed's scored episodes."""
    world = draw_world(seed, sizes)
    rng = np.random.default_rng([seed, 2])
    history = watched(world.tuning, world.scored.allocation)
    yield from play_untuned(world, history)
    tuned = tune(world, history)
    yield from play_tuned(world, tuned, history)
    if learners:
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
    for name, share in PLANNED_SHARES.items():
        effort = THOROUGH.part(share)
        planner = Planner(world.scored, rules, world.tuning.rates, rng, effort)
        yield name, planner.play(tuned.start)
    yield from play_bounds(world, rules, tuned.start, sizes.foresight_trials, rng)


def played(seed: int, sizes: Sizes, learners: bool, rows: Path | None) -> dict[str, Row]:
    """Every controller's means; read from the folder `rows` where the seed was played before."""
    file = None if rows is None else rows / f"seed-{seed}.json"
    if file is not None and file.is_file():
        found: dict[str, Row] = json.loads(file.read_text())
        return found
    found = {}
    started = time.process_time()
    for name, figures in play(seed, sizes, learners):
        found[name] = {field: float(figures[field].mean()) for field in EPISODE_FIELDS}
        found[name][SECONDS] = time.process_time() - started
        started = time.process_time()
        print(f"seed {seed}: {name}: {found[name]['reward']:.4f}", flush=True)
    if file is not None:
        write_bytes(file, json.dumps(found, indent=1).encode())
    return found


def main() -> None:
    """Play every seed and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="two seeds, small sizes")
    parser.add_argument("--seeds", type=int, default=5, help="how many worlds")
    parser.add_argument("--share", type=float, default=1.0, help="of the sizes, to save time")
    parser.add_argument("--applications", type=int, help="of a seed, in place of 48")
    parser.add_argument("--without-learners", action="store_true", help="half of the time")
    parser.add_argument("--rows", type=Path, help="keep each seed there, to go on after a stop")
    parser.add_argument("--picture", type=Path, help="write the bounds' convergence there (PNG)")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    sizes, seeds = (
        (QUICK, 2) if arguments.quick else (part_of(FULL, arguments.share), arguments.seeds)
    )
    if arguments.applications:
        sizes = replace(sizes, applications=arguments.applications)
    learners = not arguments.without_learners
    found = [played(seed, sizes, learners, arguments.rows) for seed in range(seeds)]
    means = {
        name: {field: [seed[name][field] for seed in found] for field in (*EPISODE_FIELDS, SECONDS)}
        for name in found[0]
    }
    print_table(means, sizes)
    print_bounds(means)
    if arguments.picture:
        write_bytes(arguments.picture, picture_png(partial(draw, means, sizes), 9.0, 3.6))
    keys = {}
    for name, key in KEYS.items():
        keys[f"reward_{key}"] = round(float(np.mean(means[name]["reward"])), 4)
        keys[f"violation_{key}"] = round(float(np.mean(means[name]["violation"])), 4)
    print(json.dumps(keys))


if __name__ == "__main__":
    main()
