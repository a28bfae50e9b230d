"""One property for each promise of the guard, over long random histories, then single cases."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from hypothesis import given, settings
from hypothesis import strategies as st

from components.recommender.allocation import Allocation, Proposal
from components.recommender.guard_settings import GuardSettings
from components.workload.spec import Bounds
from tests.components.recommender.guarding import Evidence, Guarded, Situation, guarded
from tests.components.recommender.plain_guard import step_down, step_up

MI = 2**20
SETTINGS = GuardSettings()
BOUNDS = Bounds(1, 20, 50, 2000, 32 * MI, 4096 * MI)
GOOD = Evidence(15.0, False, False, 10.0 * MI, 0.0)

anything = st.floats(allow_nan=True, allow_infinity=True)


@dataclass(frozen=True, slots=True)
class Step:
    """One decision: how much later, what is proposed, what is known."""

    later_s: float
    proposal: Proposal | None
    evidence: Evidence
    rollout: bool = False
    owner: str = ""


def in_range(low: float, high: float) -> st.SearchStrategy[float]:
    return st.floats(low, high)


proposals = st.builds(Proposal, in_range(1, 20), in_range(50, 2000), in_range(32 * MI, 4096 * MI))
wild_proposals = st.one_of(st.none(), proposals, st.builds(Proposal, anything, anything, anything))
good_evidence = st.builds(
    Evidence,
    age_s=in_range(0, 60),
    missing=st.just(False),
    out_of_distribution=st.booleans(),
    working_set_bytes=in_range(0, 8192 * MI),
    cpu_usage_m=in_range(0, 50_000),
)
wild_evidence = st.one_of(
    good_evidence,
    st.builds(Evidence, anything, st.booleans(), st.booleans(), anything, anything),
)
bounds = st.builds(
    lambda r, c, m: Bounds(*sorted(r), *sorted(c), *sorted(m)),  # type: ignore[misc]
    st.tuples(st.integers(1, 30), st.integers(1, 30)),
    st.tuples(st.integers(10, 4000), st.integers(10, 4000)),
    st.tuples(st.integers(16 * MI, 8192 * MI), st.integers(16 * MI, 8192 * MI)),
)
allocations = st.builds(
    Allocation, st.integers(1, 30), st.integers(10, 4000), st.integers(16 * MI, 8192 * MI)
)
steps = st.builds(
    Step,
    later_s=st.sampled_from((15.0, 60.0, 60.0, 60.0, 300.0, -45.0, 86_400.0)),
    proposal=wild_proposals,
    evidence=wild_evidence,
    rollout=st.booleans(),
    owner=st.sampled_from(("", "", "", "HorizontalPodAutoscaler shop/x")),
)


def run(
    history: list[Step], start: Allocation, limits: Bounds
) -> list[tuple[Situation, Step, Guarded]]:
    """Every decision of a history, each starting from what the one before gave."""
    now_s, previous, state, seen = 1e6, start, None, []
    for step in history:
        now_s += step.later_s
        situation = Situation(now_s, previous, limits, step.evidence, step.rollout, step.owner)
        done = guarded(step.proposal, situation, state, SETTINGS)
        seen.append((situation, step, done))
        previous, state = done.allocation, done.state
    return seen


histories = st.lists(steps, min_size=1, max_size=25)
# The first decision of a process compiles the guard: no deadline for an example.
patient = settings(deadline=None)


def any_history(test: Callable[..., None]) -> Callable[..., None]:
    return patient(given(histories, allocations, bounds)(test))


def truthful(evidence: Evidence) -> bool:
    known = all(0 <= x < 1e18 for x in (evidence.working_set_bytes, evidence.cpu_usage_m))
    return known and not evidence.missing and -5 <= evidence.age_s <= 60


def decided(step: Step, limits: Bounds) -> bool:
    """Whether the guard had all it takes to follow a proposal."""
    if step.proposal is None or step.rollout or step.owner or not truthful(step.evidence):
        return False
    ends = zip(
        step.proposal.values,
        (limits.replicas_min, limits.cpu_min_m, limits.memory_min_bytes),
        (limits.replicas_max, limits.cpu_max_m, limits.memory_max_bytes),
        strict=True,
    )
    return all(value > 0 and low / 10 <= value <= high * 10 for value, low, high in ends)


@any_history
def test_nothing_shrinks_on_missing_stale_or_unfamiliar_telemetry(
    history: list[Step], start: Allocation, limits: Bounds
) -> None:
    for situation, step, done in run(history, start, limits):
        if not truthful(step.evidence) or step.evidence.out_of_distribution:
            pairs = zip(done.allocation.values, situation.previous.values, strict=True)
            assert all(new >= old for new, old in pairs)


@any_history
def test_without_truth_nothing_grows_beyond_the_minimums_either(
    history: list[Step], start: Allocation, limits: Bounds
) -> None:
    lowest = (limits.replicas_min, limits.cpu_min_m, limits.memory_min_bytes)
    for situation, step, done in run(history, start, limits):
        if not truthful(step.evidence):
            for new, old, low in zip(
                done.allocation.values, situation.previous.values, lowest, strict=True
            ):
                assert new in (old, max(old, low))


@any_history
def test_memory_is_never_below_the_working_set_and_its_margin(
    history: list[Step], start: Allocation, limits: Bounds
) -> None:
    for situation, step, done in run(history, start, limits):
        if decided(step, limits):
            floor = step.evidence.working_set_bytes * 1.15
            reach = max(limits.memory_max_bytes, situation.previous.memory_bytes)
            assert done.allocation.memory_bytes >= min(floor, reach)


@any_history
def test_a_rollout_and_another_owner_hold_everything(
    history: list[Step], start: Allocation, limits: Bounds
) -> None:
    for situation, step, done in run(history, start, limits):
        if step.rollout or step.owner:
            assert done.allocation == situation.previous
            assert done.reasons[0].code == ("OtherOwner" if step.owner else "RolloutInProgress")


no_replicas = st.sampled_from((math.nan, math.inf, -1.0, 0.0, 1e9))
no_cpu = st.sampled_from((math.nan, -math.inf, 1e12, 1.0))
no_memory = st.sampled_from((math.nan, 64.0, 1e18))
no_allocation = st.one_of(
    st.none(),
    st.builds(Proposal, no_replicas, st.just(100.0), st.just(64.0 * MI)),
    st.builds(Proposal, st.just(2.0), no_cpu, st.just(64.0 * MI)),
    st.builds(Proposal, st.just(2.0), st.just(100.0), no_memory),
)


@patient
@given(no_allocation, allocations)
def test_a_proposal_that_is_no_allocation_holds_everything(
    proposal: Proposal | None, previous: Allocation
) -> None:
    done = guarded(proposal, Situation(0.0, previous, BOUNDS, GOOD), None, SETTINGS)
    assert done.allocation == previous
    assert done.reasons[0].code in ("InvalidProposal", "NoProposal")


@any_history
def test_the_bounds_hold(history: list[Step], start: Allocation, limits: Bounds) -> None:
    for situation, step, done in run(history, start, limits):
        if not decided(step, limits):
            continue
        previous, now = situation.previous, done.allocation
        assert now.replicas >= limits.replicas_min
        assert now.cpu_m >= limits.cpu_min_m
        assert now.memory_bytes >= limits.memory_min_bytes
        unfamiliar = step.evidence.out_of_distribution
        in_use = step.evidence.working_set_bytes * 1.15 + 1
        assert now.replicas <= max(limits.replicas_max, previous.replicas * unfamiliar)
        assert now.cpu_m <= max(limits.cpu_max_m, previous.cpu_m * unfamiliar)
        beyond = previous.memory_bytes if unfamiliar else min(previous.memory_bytes, in_use)
        assert now.memory_bytes <= max(limits.memory_max_bytes, beyond)


@any_history
def test_capacity_never_shrinks_below_the_cpu_in_use(
    history: list[Step], start: Allocation, limits: Bounds
) -> None:
    for situation, step, done in run(history, start, limits):
        previous = situation.previous
        within = previous.replicas <= limits.replicas_max and previous.cpu_m <= limits.cpu_max_m
        if decided(step, limits) and within:
            had = previous.replicas * previous.cpu_m
            needed = min(had, step.evidence.cpu_usage_m * 1.1)
            assert done.allocation.replicas * done.allocation.cpu_m >= needed


@any_history
def test_one_step_at_a_time(history: list[Step], start: Allocation, limits: Bounds) -> None:
    lowest = (limits.replicas_min, limits.cpu_min_m, limits.memory_min_bytes)
    highest = (limits.replicas_max, limits.cpu_max_m, limits.memory_max_bytes)
    for situation, step, done in run(history, start, limits):
        floor = math.ceil(step.evidence.working_set_bytes * 1.15) if decided(step, limits) else 0
        for dimension, (new, old) in enumerate(
            zip(done.allocation.values, situation.previous.values, strict=True)
        ):
            low, high = lowest[dimension], highest[dimension]
            up = max(step_up(dimension, old, SETTINGS), low, floor * (dimension == 2))
            down = min(step_down(dimension, old, SETTINGS), high)
            assert down <= new <= up


@any_history
def test_two_shrinks_are_a_cool_down_apart_unless_a_bound_asks(
    history: list[Step], start: Allocation, limits: Bounds
) -> None:
    highest = (limits.replicas_max, limits.cpu_max_m, limits.memory_max_bytes)
    last = [-math.inf] * 3
    now_s = -math.inf
    for situation, _, done in run(history, start, limits):
        if situation.now_s < now_s:
            last = [min(time_s, situation.now_s) for time_s in last]
        now_s = situation.now_s
        for dimension, (new, old) in enumerate(
            zip(done.allocation.values, situation.previous.values, strict=True)
        ):
            if new < old:
                assert now_s - last[dimension] >= 120 or old > highest[dimension]
                last[dimension] = now_s


@any_history
def test_what_shrinks_was_wanted_for_a_whole_window(
    history: list[Step], start: Allocation, limits: Bounds
) -> None:
    highest = (limits.replicas_max, limits.cpu_max_m, limits.memory_max_bytes)
    wanted: list[tuple[float, tuple[float, ...]]] = []
    first_s = now_s = math.nan
    for situation, step, done in run(history, start, limits):
        later_s = situation.now_s - now_s
        now_s = situation.now_s
        if not later_s >= 0:  # the first look, or a clock that jumped back
            wanted, first_s = [], now_s
        if decided(step, limits):
            assert step.proposal is not None
            wanted.append((now_s, step.proposal.values))
        recent = [values for time_s, values in wanted if now_s - time_s < 300]
        for dimension, (new, old) in enumerate(
            zip(done.allocation.values, situation.previous.values, strict=True)
        ):
            if new < old <= highest[dimension]:
                assert now_s - first_s >= 300
                assert all(values[dimension] < old + 0.5 for values in recent)


@any_history
def test_the_memory_of_the_guard_is_bounded(
    history: list[Step], start: Allocation, limits: Bounds
) -> None:
    assert all(done.kept <= 33 for _, _, done in run(history, start, limits))
