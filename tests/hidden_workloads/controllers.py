"""Every controller's row of the benchmark `control`, in the order of its table."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from components.cluster.compiled import FloatArray, contiguous
from components.cluster.reward import INTERVAL_STEPS
from components.cluster.rollout import Rollout
from components.cluster.vpa import DEFAULT_MARGIN
from components.policy.rule_parameters import default_rule, from_unit
from components.policy.watched import watched
from components.validation.config import ValidationConfig
from components.validation.incumbents import DEFAULT_TARGET, Incumbents, tune_incumbents
from tests.baselines.direct_rows import DirectRows
from tests.hidden_workloads.learning import Meta, fine_tune
from tests.hidden_workloads.plan import Plan
from tests.hidden_workloads.planned import hidden_plan
from tests.hidden_workloads.rebuilt import hidden_foresight, hidden_hpa, hidden_hpa_vpa, hidden_rule
from tests.hidden_workloads.world import HiddenWorld

HPA_DEFAULT, HPA_TUNED = "HPA 70 %, hand-set requests", "HPA, tuned"
VPA_DEFAULT, VPA_TUNED = "HPA 70 % + VPA memory", "HPA + VPA memory, tuned"
DEFAULT_RULE, ZERO_SHOT, OURS = "rule, default", "rule, zero-shot", "rule, fine-tuned"
PLANNER = "planner, true service, no foresight"
FORESIGHT = "perfect foresight"


@dataclass(frozen=True, slots=True)
class Learned:
    """What was learned before any of the scored workloads was met; direct policies if asked for."""

    meta: Meta
    direct: DirectRows | None


def play(
    seed: int, plan: Plan, learned: Learned, world: HiddenWorld
) -> Iterator[tuple[str, Rollout]]:
    """Every controller's name and its rollout over the world's situations."""
    config = ValidationConfig(
        seed=seed, decisions=plan.search.decisions, tuning_traces=plan.tuning_traces
    )
    tuned = tune_incumbents(world.cases, config)
    yield from _incumbents(world, tuned)
    start = world.spread(tuned.hpa.allocation)
    if learned.direct is not None:
        yield from learned.direct.rows_for(world, start)
    yield from _rules(np.random.default_rng([seed, 6]), plan, learned.meta, world, start)


def _incumbents(world: HiddenWorld, tuned: Incumbents) -> Iterator[tuple[str, Rollout]]:
    course, usual = world.course, world.usual
    batch, history = len(usual), world.spread(tuned.memory_history)
    target, margin = np.full(batch, DEFAULT_TARGET), np.full(batch, DEFAULT_MARGIN)
    yield HPA_DEFAULT, hidden_hpa(*course, usual, target)
    hpa, vpa = tuned.hpa, tuned.hpa_vpa
    yield HPA_TUNED, hidden_hpa(*course, world.spread(hpa.allocation), world.spread(hpa.target))
    yield VPA_DEFAULT, hidden_hpa_vpa(*course, usual, target, margin, history)
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


def _rules(
    rng: np.random.Generator, plan: Plan, meta: Meta, world: HiddenWorld, start: FloatArray
) -> Iterator[tuple[str, Rollout]]:
    """Ours from allocation [W R, 3], and what could be had with more knowledge than anybody's."""
    cases, search = world.cases, plan.search
    past = world.spread(watched([case.measured for case in cases]))

    def ruled(rules: FloatArray) -> Rollout:
        return hidden_rule(world.spread(rules), *world.course, start, keep=True, past=past)

    yield DEFAULT_RULE, ruled(np.tile(default_rule(), (len(cases), 1)))
    proposed = meta.propose(cases)
    yield ZERO_SHOT, ruled(from_unit(proposed))
    found = fine_tune(cases, proposed, search).rule
    ours = ruled(found)
    yield OURS, ours
    price, spread = search.violation_penalty, search.level_spread
    yield PLANNER, hidden_plan(world, world.spread(found), past, start, price, spread, rng)
    assert ours.allocations is not None
    plans = contiguous(ours.allocations[:, INTERVAL_STEPS - 1 :: INTERVAL_STEPS])
    yield (
        FORESIGHT,
        hidden_foresight(
            *world.course,
            plans,
            rng,
            plan.foresight_trials,
            initial_allocation=start,
            violation_penalty=price,
        ),
    )
