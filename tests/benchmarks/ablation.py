"""What each part of the learning is worth on hidden workloads: one part taken away a row.

python -m tests.benchmarks.ablation [--quick] [--seeds N]; the last line is JSON.
The same hidden workloads, telemetry and fresh traces as tests/benchmarks/control.py, drawn from
other seeds. Every row is a fine-tuned rule but for one part; the difference to all parts is paired
by workload, its interval Student's over all workloads of all seeds. Score: reward less the priced
violations, which all were searched for.
"""

import argparse
import json
import os
from dataclasses import replace

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("NUMBA_NUM_THREADS", "1")

import numpy as np
import torch

from components.cluster.compiled import FloatArray
from components.policy.prices import Prices
from components.policy.rule_parameters import default_rule, from_unit, to_unit
from components.policy.watched import watched
from components.validation.statistics import mean_interval
from tests.benchmarks.control import FULL, QUICK, Figures, Plan, figures_of
from tests.hidden_workloads.learning import Meta, fine_tune, train_meta
from tests.hidden_workloads.real_rates import real_rates
from tests.hidden_workloads.rebuilt import hidden_rule
from tests.hidden_workloads.world import HiddenWorld, draw_hidden_world

ALL = "all parts"
UNWATCHED = "nothing watched before it takes over"


def rules_without(world: HiddenWorld, plan: Plan, meta: Meta) -> dict[str, FloatArray]:
    """The rules [W, K] of each row."""
    cases, search = world.cases, plan.search
    proposed = meta.propose(cases)
    default = np.tile(to_unit(default_rule()), (len(cases), 1))
    free = Prices(search.violation_penalty, 0.0)
    # The population's own average proposal: what is learned of all, nothing of the one.
    average = np.tile(proposed.mean(axis=0), (len(cases), 1))
    return {
        ALL: fine_tune(cases, proposed, search).rule,
        "no search (zero-shot)": from_unit(proposed),
        "no proposal (from the default rule)": fine_tune(cases, default, search).rule,
        "no embedding (from the mean proposal)": fine_tune(cases, average, search).rule,
        "no rival (the default rule can't win)": fine_tune(
            cases, proposed, search, rivals=False
        ).rule,
        "no worlds held back": fine_tune(cases, proposed, replace(search, held_back=0)).rule,
        "no fits from the population": fine_tune(cases, proposed, replace(search, fits=0)).rule,
        "no twin ensemble (best member alone)": fine_tune(
            cases, proposed, search, point_estimate=True
        ).rule,
        "a violation budget of 2 %": fine_tune(
            cases, proposed, replace(search, violation_budget=0.02)
        ).rule,
        "no price on OOM kills": fine_tune(cases, proposed, search, free).rule,
        "no spread of levels": fine_tune(cases, proposed, replace(search, level_spread=0.0)).rule,
        "caution (worst half of the worlds)": fine_tune(
            cases, proposed, replace(search, caution=0.5)
        ).rule,
    }


def main() -> None:
    """Play every row and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="two seeds, small sizes")
    parser.add_argument("--seeds", type=int, default=5, help="how many worlds")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    plan, seeds = (QUICK, 2) if arguments.quick else (FULL, arguments.seeds)
    meta = train_meta(7, plan.encoder_applications, plan.encoder_updates, plan.meta)
    table: dict[str, list[Figures]] = {}
    for seed in range(seeds):
        world = draw_hidden_world(400 + seed, plan.world, real_rates())
        past = world.spread(watched([case.measured for case in world.cases]))
        every = rules_without(world, plan, meta)
        for name, rules in every.items():
            rolled = hidden_rule(world.spread(rules), *world.course, world.usual, past=past)
            table.setdefault(name, []).append(figures_of(rolled, world))
        unwatched = hidden_rule(world.spread(every[ALL]), *world.course, world.usual)
        table.setdefault(UNWATCHED, []).append(figures_of(unwatched, world))
    shown = ("reward", "violation", "cost", "oom_kills")
    pooled = {
        name: {field: np.concatenate([one[field] for one in rows]) for field in shown}
        for name, rows in table.items()
    }
    price = plan.search.violation_penalty
    score = {name: each["reward"] - price * each["violation"] for name, each in pooled.items()}
    print(f"{'':42s}{'reward':>9s}{'viol.':>9s}{'cores':>9s}{'kills/h':>9s}   worth of the part")
    worth = {}
    for name, each in pooled.items():
        found = mean_interval(score[ALL] - score[name])
        worth[name] = round(found.mean, 4)
        cells = "".join(f"{each[field].mean():9.4f}" for field in shown)
        print(f"{name:42s}{cells}{found.mean:+12.4f} [{found.low:+.4f}, {found.high:+.4f}]")
    print(json.dumps({"worth": worth, "seeds": seeds}))


if __name__ == "__main__":
    main()
