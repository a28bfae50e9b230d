"""What each part of the learning is worth on hidden workloads: one part taken away a row.

python -m tests.benchmarks.ablation [--quick] [--seeds N]; the last line is JSON.
The same hidden workloads, telemetry and fresh traces as tests/benchmarks/control.py, drawn from
other seeds. Every row is a fine-tuned rule but for one part; the difference to all parts is paired
by workload, its interval Student's over all workloads of all seeds. Score: reward less the priced
violations and OOM kills, which all were searched for. A part that is worth less than zero is one
that the rule is better without; the planner's row is the other way round: it has something more.
"""

import argparse
import json
import os
import time
from dataclasses import replace
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("NUMBA_NUM_THREADS", "1")

import numpy as np
import torch

from components.cluster import parameters as par
from components.cluster.compiled import FloatArray
from components.cluster.rollout import Rollout
from components.policy.prices import Prices
from components.policy.rule_parameters import default_rule, from_unit, to_unit
from components.policy.statistics import mean_interval
from components.policy.watched import watched
from tests.hidden_workloads.learning import Meta, fine_tune, train_meta, worlds_of
from tests.hidden_workloads.plan import FULL, QUICK, Plan
from tests.hidden_workloads.planned import hidden_plan
from tests.hidden_workloads.real_rates import real_rates
from tests.hidden_workloads.rebuilt import hidden_rule
from tests.hidden_workloads.scoring import Table, figures_of, pooled
from tests.hidden_workloads.world import HiddenWorld, draw_hidden_world

ALL = "all parts"
UNWATCHED = "nothing watched before it takes over"
PLANNED = "beside all parts: a planner, true service"


def rules_without(world: HiddenWorld, plan: Plan, meta: Meta) -> dict[str, FloatArray]:
    """The rules [W, K] of each row."""
    cases, search = world.cases, plan.search
    proposed = meta.propose(cases)
    default = np.tile(to_unit(default_rule()), (len(cases), 1))
    free = Prices(search.violation_penalty, 0.0)
    # The population's own average proposal: what is learned of all, nothing of the one.
    average = np.tile(proposed.mean(axis=0), (len(cases), 1))
    worlds = worlds_of(cases, search)
    own = worlds_of(cases, replace(search, fits=0))
    flat = worlds_of(cases, replace(search, fits=0, level_spread=0.0))
    level = [
        replace(one, rates_per_s=other.rates_per_s) for one, other in zip(worlds, flat, strict=True)
    ]
    calm = [replace(one, parameters=_never_restarting(one.parameters)) for one in worlds]

    def found(start: FloatArray, **changed: Any) -> FloatArray:
        """The worlds are the same in every row that doesn't change them."""
        settings = {name: changed.pop(name) for name in list(changed) if hasattr(search, name)}
        chosen = changed.pop("worlds", worlds)
        return fine_tune(cases, start, replace(search, **settings), worlds=chosen, **changed).rule

    return {
        ALL: found(proposed),
        "no search (zero-shot)": from_unit(proposed),
        "no proposal (from the default rule)": found(default),
        "no embedding (from the mean proposal)": found(average),
        "no rival (the default rule can't win)": found(proposed, rivals=False),
        "no worlds held back": found(proposed, held_back=0),
        "no fits from the population": found(proposed, worlds=own),
        "no twin ensemble (best member alone)": found(proposed, point_estimate=True),
        "no resize restarts in any world": found(proposed, worlds=calm),
        "a violation budget of 2 %": found(proposed, violation_budget=0.02),
        "no price on OOM kills": found(proposed, prices=free),
        "no spread of levels": found(proposed, worlds=level),
        "caution (worst half of the worlds)": found(proposed, caution=0.5),
    }


def _never_restarting(parameters: FloatArray) -> FloatArray:
    changed = parameters.copy()
    changed[:, par.RESIZE_RESTARTS] = 0.0
    return changed


def planned(world: HiddenWorld, plan: Plan, rules: FloatArray, past: FloatArray) -> Rollout:
    """A planner that knows the service's true parameters and state, over the rules [W R, K]."""
    search, rng = plan.search, np.random.default_rng([plan.search.seed, 6])
    return hidden_plan(
        world, rules, past, world.usual, search.violation_penalty, search.level_spread, rng
    )


def main() -> None:
    """Play every row and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="two seeds, small sizes")
    parser.add_argument("--seeds", type=int, default=5, help="how many worlds")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    plan, seeds = (QUICK, 2) if arguments.quick else (FULL, arguments.seeds)
    meta = train_meta(7, plan.encoder_applications, plan.encoder_updates, plan.meta)
    table: Table = {}
    for seed in range(seeds):
        world = draw_hidden_world(400 + seed, plan.world, real_rates())
        past = world.spread(watched([case.measured for case in world.cases]))
        every = rules_without(world, plan, meta)
        for name, rules in every.items():
            rolled = hidden_rule(world.spread(rules), *world.course, world.usual, past=past)
            table.setdefault(name, []).append(figures_of(rolled, world))
        best = world.spread(every[ALL])
        unwatched = hidden_rule(best, *world.course, world.usual)
        table.setdefault(UNWATCHED, []).append(figures_of(unwatched, world))
        beyond = planned(world, plan, best, past)
        table.setdefault(PLANNED, []).append(figures_of(beyond, world))
        print(f"seed {seed}: {time.process_time():.0f} CPU-s so far", flush=True)
    print(json.dumps({"worth": print_worths(table, plan), "seeds": seeds}))


def print_worths(table: Table, plan: Plan) -> dict[str, float]:
    """A row a part; returns each part's worth: the score with all parts less that without it."""
    violation, kill = plan.search.violation_penalty, plan.search.oom_penalty
    score = {
        name: pooled(rows)
        - violation * pooled(rows, "violation")
        - kill * pooled(rows, "oom_kills")
        for name, rows in table.items()
    }
    print(f"{'':44s}{'reward':>9s}{'viol.':>9s}{'cores':>9s}{'kills/h':>9s}   worth of the part")
    worth = {}
    for name, rows in table.items():
        found = mean_interval(score[ALL] - score[name])
        worth[name] = round(found.mean, 4)
        shown = ("reward", "violation", "cost", "oom_kills")
        cells = "".join(f"{pooled(rows, field).mean():9.4f}" for field in shown)
        print(f"{name:44s}{cells}{found.mean:+12.4f} [{found.low:+.4f}, {found.high:+.4f}]")
    return worth


if __name__ == "__main__":
    main()
