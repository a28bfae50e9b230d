"""Controllers on hidden workloads that no twin can be: default, tuned, zero-shot, fine-tuned.

python -m tests.benchmarks.control [--quick] [--seeds N]; the last line is JSON.
A hidden workload (stalls, contention, a memory law and a leak that the twin's family lacks) gives
an hour of telemetry under HPA at 70 % with hand-set requests. On that alone the twin is fitted,
HPA and HPA + VPA are tuned and the rule is searched, with as many episodes each and the same price
of a violation. The rules have watched that hour when they take over, as VPA has. The meta-policy
knows other, synthetic applications. Scores are of the hidden workloads under later, fresh traces:
real ones where the folder of traces is there. Everybody begins with the incumbent's allocation,
the tuned ones with the sizes that tuning gave them. Intervals are Student's over the seeds' means,
each seed with its own workloads.

Full run, 5 seeds x 16 workloads, real days, 4.5 CPU-minutes: reward (violations; cores; OOM kills
an hour) of HPA + VPA at 70 % .719 (48.3 %; 6.2; .06), tuned .847 +- .034 (11.4 %; 8.0; .08),
default rule .876 (.7 %; 12.0; .23), zero-shot .871 +- .007 (.5 %; 13.8; .22), fine-tuned .888 +-
.009 (1.3 %; 10.2; .31), perfect foresight .929 (.3 %; 6.1; .26). So half of the gap from tuned to
foresight is closed (aim 60 %), at a quarter more cores (aim: none) and with more kills; better
than tuned on 58 % of the workloads (aim 95 %): where the tuned incumbent happens to hold, it is
leaner. Before the rules took over with what they had watched, and before services of the
population were among those searched in, the search was below its own start: .868, 6.4 %.
Searched on the true parameters instead of fitted ones (32 other workloads) it gave .900 where the
fitted ones gave .881; the hidden effects, which no parameters express, cost .003: what is missing
is knowledge of the service, not search. Prices were chosen on seeds 700 to 711; a first run on
these seeds, with prices that were too high, had been seen (.881, 12.7 cores).
"""

import argparse
import json
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("NUMBA_NUM_THREADS", "1")

import numpy as np
import torch

from components.cluster.compiled import FloatArray, contiguous
from components.cluster.reward import EPISODE_FIELDS, INTERVAL_STEPS, STEP_HOURS
from components.cluster.rollout import Rollout
from components.cluster.vpa import DEFAULT_MARGIN
from components.fine_tuning.config import FineTuningConfig, quick_config
from components.meta_training.config import MetaTrainingConfig
from components.policy.rule_parameters import default_rule, from_unit
from components.policy.search import FINAL_ROUNDS, FINAL_VARIANTS, FINALISTS
from components.policy.watched import watched
from components.validation.config import ValidationConfig
from components.validation.incumbents import tune_incumbents
from components.validation.statistics import mean_interval
from components.validation.verdict import GIB_PER_CORE
from tests.hidden_workloads.learning import Meta, fine_tune, train_meta
from tests.hidden_workloads.real_rates import real_rates
from tests.hidden_workloads.rebuilt import hidden_foresight, hidden_hpa, hidden_hpa_vpa, hidden_rule
from tests.hidden_workloads.world import HiddenWorld, Sizes, draw_hidden_world

HPA_DEFAULT, HPA_TUNED = "HPA 70 %, hand-set requests", "HPA, tuned"
VPA_DEFAULT, VPA_TUNED = "HPA 70 % + VPA memory", "HPA + VPA memory, tuned"
DEFAULT_RULE, ZERO_SHOT, OURS = "rule, default", "rule, zero-shot", "rule, fine-tuned"
BUDGET = "rule, fine-tuned, budget of 2 %"
FORESIGHT = "perfect foresight"
SETTINGS_OF_A_TUNING = 102

Figures = dict[str, FloatArray]


@dataclass(frozen=True, slots=True)
class Plan:
    """How large the comparison is."""

    world: Sizes
    search: FineTuningConfig
    meta: MetaTrainingConfig
    encoder_applications: int
    encoder_updates: int
    foresight_trials: int

    @property
    def tuning_traces(self) -> int:
        """As many as give the incumbents' tuning the search's episodes."""
        search = self.search
        finals = (FINALISTS + 2) * FINAL_ROUNDS * FINAL_VARIANTS
        episodes = search.iterations * search.candidates * search.traces + finals
        return max(3, episodes // SETTINGS_OF_A_TUNING)


FULL = Plan(
    Sizes(16, 60, 96, 3, 8),
    FineTuningConfig(),
    MetaTrainingConfig(iterations=60, applications=256, held_out_applications=96, patience=6),
    1024,
    400,
    4000,
)
QUICK = Plan(
    Sizes(3, 30, 24, 2, 3),
    replace(quick_config(0), decisions=24),
    MetaTrainingConfig(iterations=4, applications=32, held_out_applications=16, term_decisions=8),
    64,
    20,
    200,
)


def play(seed: int, plan: Plan, meta: Meta, world: HiddenWorld) -> Iterator[tuple[str, Rollout]]:
    """Every controller's name and its rollout over the world's situations."""
    cases, course, usual = world.cases, world.course, world.usual
    config = ValidationConfig(
        seed=seed, decisions=plan.search.decisions, tuning_traces=plan.tuning_traces
    )
    tuned = tune_incumbents(cases, config)
    batch, history = len(usual), world.spread(tuned.memory_history)
    yield HPA_DEFAULT, hidden_hpa(*course, usual, np.full(batch, 0.7))
    hpa, vpa = tuned.hpa, tuned.hpa_vpa
    yield HPA_TUNED, hidden_hpa(*course, world.spread(hpa.allocation), world.spread(hpa.target))
    yield (
        VPA_DEFAULT,
        hidden_hpa_vpa(
            *course, usual, np.full(batch, 0.7), np.full(batch, DEFAULT_MARGIN), history
        ),
    )
    yield (
        VPA_TUNED,
        hidden_hpa_vpa(
            *course,
            world.spread(vpa.allocation),
            world.spread(vpa.target),
            world.spread(vpa.margin),
            history,
            minimum_bytes=vpa.minimum_bytes,
        ),
    )
    start = world.spread(hpa.allocation)
    past = world.spread(watched([case.measured for case in cases]))

    def ruled(rules: FloatArray) -> Rollout:
        return hidden_rule(world.spread(rules), *course, start, keep=True, past=past)

    yield DEFAULT_RULE, ruled(np.tile(default_rule(), (len(cases), 1)))
    proposed = meta.propose(cases)
    yield ZERO_SHOT, ruled(from_unit(proposed))
    held = fine_tune(cases, proposed, replace(plan.search, violation_budget=0.02))
    yield BUDGET, ruled(held.rule)
    found = fine_tune(cases, proposed, plan.search)
    ours = ruled(found.rule)
    yield OURS, ours
    assert ours.allocations is not None
    rng = np.random.default_rng([seed, 6])
    plans = contiguous(ours.allocations[:, INTERVAL_STEPS - 1 :: INTERVAL_STEPS])
    yield (
        FORESIGHT,
        hidden_foresight(
            *course,
            plans,
            rng,
            plan.foresight_trials,
            initial_allocation=start,
            violation_penalty=plan.search.violation_penalty,
        ),
    )


def figures_of(rolled: Rollout, world: HiddenWorld) -> Figures:
    """Figures [W] of a controller: means over a workload's traces."""
    hours = world.rates.shape[1] * STEP_HOURS
    named = {name: rolled.metric(name) for name in EPISODE_FIELDS}
    named["cost"] = (named["core_hours"] + named["gib_hours"] / GIB_PER_CORE) / hours
    named["oom_kills"] = named["oom_kills"] / hours
    workloads = len(world.cases)
    return {name: value.reshape(workloads, -1).mean(axis=1) for name, value in named.items()}


SHOWN = (
    ("reward", "reward"),
    ("violation", "violations"),
    ("violation_5_percent", "by over 5 %"),
    ("cpu_utilisation", "CPU used"),
    ("memory_utilisation", "memory used"),
    ("cost", "cores"),
    ("actions_per_hour", "actions/h"),
    ("oom_kills", "OOM kills/h"),
)


def print_table(table: dict[str, list[Figures]]) -> None:
    """A row a controller: mean and half interval over seeds; the worst decile of all workloads."""
    print(f"{'':44s}" + "".join(f"{heading:>18s}" for _, heading in SHOWN) + "  worst decile")
    for name, seeds in table.items():
        cells = ""
        for field, _ in SHOWN:
            found = mean_interval(np.array([one[field].mean() for one in seeds]))
            cells += f"{found.mean:10.3f} ±{found.high - found.mean:6.3f}"
        worst = np.sort(np.concatenate([one["reward"] for one in seeds]))
        decile = worst[: max(1, len(worst) // 10)].mean()
        print(f"{name:44s}{cells}{decile:14.3f}")


def keys_of(table: dict[str, list[Figures]]) -> dict[str, float]:
    """The last line's keys; shares are of workloads whose mean reward is higher."""

    def pooled(name: str, field: str = "reward") -> FloatArray:
        return np.concatenate([one[field] for one in table[name]])

    tuned = max((HPA_TUNED, VPA_TUNED), key=lambda name: float(pooled(name).mean()))
    ours, bound = pooled(OURS), pooled(FORESIGHT)
    reward = {name: float(pooled(name).mean()) for name in table}
    way = reward[FORESIGHT] - reward[tuned]
    assert len(ours) == len(bound)
    found = {
        "reward_default": reward[VPA_DEFAULT],
        "reward_tuned": reward[tuned],
        "violation_tuned": float(pooled(tuned, "violation").mean()),
        "reward_zero_shot": reward[ZERO_SHOT],
        "reward_ours": reward[OURS],
        "violation_ours": float(pooled(OURS, "violation").mean()),
        "reward_foresight": reward[FORESIGHT],
        "gap_closed": (reward[OURS] - reward[tuned]) / way if way > 0.0 else 0.0,
        "better_than_tuned_share": float((ours > pooled(tuned)).mean()),
        "better_than_default_share_zero_shot": float(
            (pooled(ZERO_SHOT) > pooled(VPA_DEFAULT)).mean()
        ),
    }
    return {key: round(value, 4) for key, value in found.items()}


def main() -> None:
    """Play every seed and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="two seeds, small sizes")
    parser.add_argument("--seeds", type=int, default=5, help="how many worlds")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    plan, seeds = (QUICK, 2) if arguments.quick else (FULL, arguments.seeds)
    real = real_rates()
    print("rates: synthetic, no real traces found" if real is None else f"{len(real)} real days")
    started = time.process_time()
    meta = train_meta(7, plan.encoder_applications, plan.encoder_updates, plan.meta)
    print(f"encoder and meta-policy: {time.process_time() - started:.0f} CPU-s", flush=True)
    table: dict[str, list[Figures]] = {}
    for seed in range(seeds):
        started = time.process_time()
        world = draw_hidden_world(100 + seed, plan.world, real)
        for name, rolled in play(seed, plan, meta, world):
            table.setdefault(name, []).append(figures_of(rolled, world))
        spent = time.process_time() - started
        print(f"seed {seed}: {spent:.0f} CPU-s, {table[OURS][-1]['reward'].mean():.4f}", flush=True)
    print_table(table)
    print(json.dumps(keys_of(table) | {"seeds": seeds}))


if __name__ == "__main__":
    main()
