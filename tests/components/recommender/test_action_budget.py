from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from components.recommender.action_budget import BudgetSettings, Change, within_budget

changes = st.lists(
    st.builds(
        Change,
        workload=st.uuids().map(str),
        shrinks=st.booleans(),
        since_s=st.floats(0, 1e6),
    ),
    max_size=40,
    unique_by=lambda change: change.workload,
)


@given(changes, st.floats(0, 1), st.floats(0, 1))
def test_never_more_change_than_the_budget_and_growth_before_shrinking(
    wanted: list[Change], share: float, shrinking: float
) -> None:
    workloads = len(wanted) + 5
    settings = BudgetSettings(changes=share, shrinks=shrinking)
    allowed = within_budget(wanted, workloads, settings)
    shrunk = [item for item in wanted if item.shrinks and item.workload in allowed]
    refused_growth = [item for item in wanted if not item.shrinks and item.workload not in allowed]
    assert len(allowed) <= max(1, math.floor(workloads * share))
    assert len(shrunk) <= max(1, math.floor(workloads * shrinking))
    assert not (shrunk and refused_growth)


@given(st.integers(1, 60), st.floats(0, 1))
def test_all_that_shrink_have_had_their_turn_after_as_many_ticks_as_the_budget_takes(
    workloads: int, share: float
) -> None:
    settings = BudgetSettings(shrinks=share)
    waiting = {str(number): float(number % 7) for number in range(workloads)}
    budget = max(1, math.floor(workloads * share))
    for _ in range(math.ceil(workloads / budget)):
        wanted = [Change(name, True, since_s) for name, since_s in waiting.items()]
        for name in within_budget(wanted, workloads, settings):
            del waiting[name]
    assert not waiting


def test_by_default_all_may_grow_and_a_tenth_may_shrink_the_longest_waiting_first() -> None:
    growing = [Change(f"grow-{number}", False, 9.0) for number in range(20)]
    shrinking = [Change(f"shrink-{number}", True, 10.0 - number) for number in range(10)]
    allowed = within_budget([*shrinking, *growing], 30, BudgetSettings())
    assert {item.workload for item in growing} < allowed
    assert allowed - {item.workload for item in growing} == {"shrink-9", "shrink-8", "shrink-7"}
