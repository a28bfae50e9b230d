"""A planner without foresight that knows a hidden service as no one else does."""

from __future__ import annotations

import numba
import numpy as np

from components.cluster.compiled import FloatArray, contiguous
from components.cluster.environment_episode import Episode
from components.cluster.rollout import Rollout
from components.policy.hand_over import take_over
from components.policy.likely_rates import likely_rates
from components.policy.rule import RULE_STATE_COUNT
from components.policy.rule_rollout import initial_rule_state
from tests.baselines.planning import Effort, Mechanics, Planner
from tests.baselines.planning_scores import forced_rows, score_futures
from tests.hidden_workloads.rebuilt import hidden_initial_state, rebuilt
from tests.hidden_workloads.world import HiddenWorld

HIDDEN = Mechanics(hidden_initial_state, rebuilt(forced_rows), rebuilt(score_futures))
EFFORT = Effort(minutes=15, choosing=4, deciding=60)
_FUTURES = 24


def hidden_plan(
    world: HiddenWorld,
    rules: FloatArray,
    past: FloatArray,
    allocation: FloatArray,
    violation_penalty: float,
    level_spread: float,
    rng: np.random.Generator,
    effort: Effort = EFFORT,
) -> Rollout:
    """The world's situations, planned minute by minute around rules [W R, K].

    It knows the service and its state as they are; of rates it knows what was measured, at other
    levels too. past [W R, T0, M]: what the rules watched before; allocation [W R, 3].
    """
    steps = world.rates.shape[1]
    traces = np.stack(
        [
            likely_rates(rng, case.measured.training_rates_per_s, _FUTURES, steps, level_spread)
            for case in world.cases
        ]
    )
    scored = Episode(*world.course, allocation)
    futures_of = world.spread(traces)
    planner = Planner(scored, rules, futures_of, rng, effort, violation_penalty, HIDDEN)
    known = initial_rule_state(len(rules))
    _remember(known, contiguous(rules), contiguous(past), contiguous(world.limits))
    return Rollout(planner.metrics(allocation, known))


@numba.njit(error_model="numpy")
def _remember(known, rules, pasts, limits):
    for row in range(known.shape[0]):
        take_over(known[row, :RULE_STATE_COUNT], rules[row], pasts[row], limits[row])
