from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.errors import UserError
from components.recommender.phase import Interval, advance
from components.recommender.phase_settings import PhaseSettings
from components.recommender.phase_state import (
    CANARY,
    INCUMBENT,
    LIVE,
    PHASES,
    SHADOW,
    PhaseState,
    from_json,
    to_json,
)
from components.recommender.reference import Reference, reference_of

SETTINGS = PhaseSettings()
REFERENCE = reference_of(np.zeros(1000), oom_kills=0)
GOOD = Interval(0.0)


def run(
    state: PhaseState,
    intervals: Iterable[Interval],
    digest: str = "a",
    gate_open: bool = True,
    reference: Reference | None = REFERENCE,
) -> PhaseState:
    for minute, interval in enumerate(intervals):
        now_s = state.since_s + 60.0 * minute
        state = advance(state, interval, digest, gate_open, reference, SETTINGS, now_s)
    return state


def live() -> PhaseState:
    return run(PhaseState(), [GOOD] * 1700)


def test_a_good_policy_goes_through_shadow_and_canary_to_live() -> None:
    state, seen = PhaseState(), []
    for minute in range(1700):
        state = advance(state, GOOD, "a", True, REFERENCE, SETTINGS, 60.0 * minute)
        if not seen or seen[-1][0] != state.phase:
            seen.append((state.phase, minute))
    phases = [phase for phase, _ in seen]
    minutes = dict(seen)
    assert phases == [SHADOW, CANARY, LIVE]
    assert minutes[CANARY] >= 240
    assert minutes[LIVE] - minutes[CANARY] >= 720
    assert state.reason == "CanaryPassed"


def test_without_a_policy_or_with_a_closed_gate_the_incumbent_acts() -> None:
    assert run(live(), [GOOD], digest="").phase == INCUMBENT
    closed = run(live(), [GOOD] * 3, gate_open=False)
    assert (closed.phase, closed.reason) == (INCUMBENT, "GateClosed")


def test_a_new_policy_starts_in_shadow_whatever_the_one_before_was() -> None:
    state = run(live(), [GOOD], digest="b")
    assert (state.phase, state.digest, state.intervals) == (SHADOW, "b", 0)


@pytest.mark.parametrize(
    ("intervals", "reason", "within"),
    [
        ([Interval(1.0)] * 9, "Violations", 3),
        ([Interval(0.3)] * 60, "Regression", 30),
        ([Interval(0.0, usable=False)] * 9, "UnusableProposals", 3),
        ([Interval(0.0, oom_kills=1)] * 9, "OomKills", 2),
        ([Interval(0.0, reversals=1)] * 9, "Flapping", 6),
        ([Interval(0.0, near_limit=True)] * 9, "MemoryNearLimit", 2),
    ],
)
@pytest.mark.parametrize("phase", [SHADOW, CANARY, LIVE])
def test_a_bad_policy_is_sent_back_from_every_phase_and_does_not_come_again(
    phase: str, intervals: list[Interval], reason: str, within: int
) -> None:
    state = {
        SHADOW: run(PhaseState(), [GOOD] * 100),
        CANARY: run(PhaseState(), [GOOD] * 500),
        LIVE: live(),
    }[phase]
    assert state.phase == phase
    taken = 0
    for interval in intervals:
        state = run(state, [interval])
        taken += 1
        if state.phase == INCUMBENT:
            break
    assert (state.phase, state.reason) == (INCUMBENT, reason)
    assert taken <= within
    later = run(state, [GOOD] * 50)
    assert (later.phase, later.reason, later.since_s) == (INCUMBENT, reason, state.since_s)
    assert run(later, [GOOD], digest="b").phase == SHADOW


def test_memory_that_came_near_its_limit_under_the_incumbent_too_is_not_the_policys_fault() -> None:
    often = reference_of(np.zeros(1000), oom_kills=0, near_limit=500)
    assert often.near_limit_per_interval == 0.5
    # Every other interval, as under the incumbent.
    intervals = [Interval(0.0, near_limit=number % 2 == 0) for number in range(100)]
    assert run(live(), intervals, reference=often).phase == LIVE
    assert run(live(), intervals).reason == "MemoryNearLimit"


def test_what_is_unknown_neither_promotes_nor_sends_back() -> None:
    state = run(PhaseState(), [Interval(math.nan)] * 5000)
    assert (state.phase, state.intervals) == (SHADOW, 0)
    assert run(live(), [Interval(math.nan)] * 5000).phase == LIVE


def test_without_a_long_reference_nothing_is_promoted() -> None:
    assert run(PhaseState(), [GOOD] * 2000, reference=None).phase == SHADOW
    short = reference_of(np.zeros(100), oom_kills=0)
    assert run(PhaseState(), [GOOD] * 2000, reference=short).phase == SHADOW


def test_an_incumbent_that_violated_as_much_is_no_reason_to_send_back() -> None:
    rng = np.random.default_rng(1)
    reference = reference_of((rng.random(1000) < 0.1) * 0.9, oom_kills=3)
    same = [Interval(float(x)) for x in (rng.random(700) < 0.1) * 0.9]
    assert run(PhaseState(), same, reference=reference).phase in (SHADOW, CANARY)


def test_few_old_kills_and_reversals_are_forgiven() -> None:
    rare = ([Interval(0.0, oom_kills=1)] + [GOOD] * 1500) * 4
    assert run(live(), rare).phase == LIVE
    hourly = ([Interval(0.0, reversals=2)] + [GOOD] * 59) * 40
    assert run(live(), hourly).phase == LIVE


intervals = st.builds(
    Interval,
    violation=st.one_of(st.floats(0, 1), st.just(math.nan), st.floats()),
    usable=st.booleans(),
    oom_kills=st.integers(0, 3),
    reversals=st.integers(0, 3),
)


@given(st.lists(st.tuples(intervals, st.sampled_from(("", "a", "b")), st.booleans()), max_size=60))
def test_it_moves_one_phase_up_at_a_time_and_survives_a_restart_at_any_moment(
    history: list[tuple[Interval, str, bool]],
) -> None:
    state = PhaseState()
    for minute, (interval, digest, gate_open) in enumerate(history):
        before = state
        state = advance(state, interval, digest, gate_open, REFERENCE, SETTINGS, 60.0 * minute)
        assert PHASES.index(state.phase) <= PHASES.index(before.phase) + 1
        assert (gate_open and digest) or state.phase == INCUMBENT
        assert set(before.barred) <= set(state.barred)
        restored = from_json(to_json(state))
        assert restored == state


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "{}",
        to_json(PhaseState()).replace("INCUMBENT", "ROOT"),
        to_json(PhaseState()).replace('"version": 1', '"version": 9'),
        to_json(PhaseState()).replace('"intervals": 0', '"intervals": "0"'),
        to_json(PhaseState()).replace("[0.0, ", "[", 1),
        to_json(PhaseState()).replace("[0.0, ", "[NaN, ", 1),
    ],
)
def test_a_stored_state_that_is_not_one_is_told_in_one_line(text: str) -> None:
    with pytest.raises(UserError, match="delete it to start again in shadow"):
        from_json(text)


def test_live_is_watched_without_end() -> None:
    long_good = run(live(), [GOOD] * 20_000)
    assert long_good.phase == LIVE
    worse = run(long_good, [Interval(0.2)] * 60)
    assert (worse.phase, worse.reason) == (INCUMBENT, "Regression")
    assert replace(worse, barred=()).digest == "a"
