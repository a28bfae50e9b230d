"""The compiled guard equals the plain one, and a batch equals its rows one by one."""

from __future__ import annotations

import math

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from components.recommender.allocation import Allocation, highest, lowest
from components.recommender.guard import Circumstances, guard
from components.recommender.guard_settings import GuardSettings
from components.recommender.guard_state import (
    GROWN_S,
    KEPT,
    SHRUNK_S,
    TIMES_S,
    WANTED,
    empty_guard_states,
)
from components.workload.spec import Bounds
from tests.components.recommender.guarding import Situation, evidence_row, guarded
from tests.components.recommender.plain_guard import PlainSituation, PlainState, plain_guard
from tests.components.recommender.test_guard_promises import (
    Step,
    allocations,
    bounds,
    histories,
)

SETTINGS = GuardSettings()
COOLED = GuardSettings(growth_cool_down_s=90.0)
guards = st.sampled_from((SETTINGS, COOLED))


@settings(deadline=None)
@given(histories, allocations, bounds, guards)
def test_every_decision_of_every_history_is_that_of_the_plain_guard(
    history: list[Step], start: Allocation, limits: Bounds, chosen: GuardSettings
) -> None:
    now_s, previous, state = 1e6, start, None
    plain_state: PlainState | None = None
    for step in history:
        now_s += step.later_s
        proposed = step.proposal.values if step.proposal else None
        if proposed is not None and all(math.isnan(value) for value in proposed):
            proposed = None
        hold = "owner" if step.owner else "rollout" if step.rollout else ""
        plain = plain_guard(
            proposed,
            PlainSituation(now_s, previous.values, limits, step.evidence, hold),
            plain_state,
            chosen,
        )
        done = guarded(
            step.proposal,
            Situation(now_s, previous, limits, step.evidence, step.rollout, step.owner),
            state,
            chosen,
        )
        assert done.allocation.values == plain.values
        assert [(reason.code, reason.dimension) for reason in done.reasons] == plain.codes
        same_state(done.state[0], plain.state)
        previous, state, plain_state = done.allocation, done.state, plain.state


def same_state(row: np.ndarray[tuple[int], np.dtype[np.float64]], plain: PlainState) -> None:
    kept = int(row[KEPT])
    assert row[0] == plain.watched_since_s
    assert tuple(row[GROWN_S:SHRUNK_S]) == plain.grown_s
    assert tuple(row[SHRUNK_S:TIMES_S]) == plain.shrunk_s
    assert tuple(row[TIMES_S : TIMES_S + kept]) == tuple(at for at, _ in plain.wanted)
    wanted = row[WANTED : WANTED + 3 * kept].reshape(kept, 3)
    assert [tuple(item) for item in wanted] == [item for _, item in plain.wanted]


@settings(deadline=None, max_examples=50)
@given(st.lists(st.tuples(histories, allocations, bounds), min_size=2, max_size=6))
def test_a_batch_is_its_rows_one_by_one(
    workloads: list[tuple[list[Step], Allocation, Bounds]],
) -> None:
    now_s = 1e6
    states = empty_guard_states(len(workloads))
    previous = np.array([start.values for _, start, _ in workloads], dtype=np.float64)
    low = np.array([lowest(limits) for _, _, limits in workloads], dtype=np.float64)
    high = np.array([highest(limits) for _, _, limits in workloads], dtype=np.float64)
    for turn in range(min(len(history) for history, _, _ in workloads)):
        steps = [history[turn] for history, _, _ in workloads]
        now_s += 60.0
        proposed = np.array(
            [step.proposal.values if step.proposal else (np.nan,) * 3 for step in steps]
        )
        evidence = np.array([evidence_row(step.evidence) for step in steps])
        hold = np.array([1.0 if step.owner else 2.0 if step.rollout else 0.0 for step in steps])
        alone = []
        for row in range(len(workloads)):
            one = slice(row, row + 1)
            mine = states[one].copy()
            here = Circumstances(
                now_s, previous[one], low[one], high[one], evidence[one], hold[one]
            )
            alone.append((*guard(proposed[one], here, mine, SETTINGS), mine))
        together = Circumstances(now_s, previous, low, high, evidence, hold)
        given_all, told = guard(proposed, together, states, SETTINGS)
        for row, (given_one, told_one, state_one) in enumerate(alone):
            np.testing.assert_array_equal(given_all[row], given_one[0])
            np.testing.assert_array_equal(told[row], told_one[0])
            np.testing.assert_array_equal(states[row], state_one[0])
        previous = given_all
