from __future__ import annotations

import math
from dataclasses import replace

import pytest

from components.recommender.allocation import Allocation, Proposal
from components.recommender.guard_settings import GuardSettings
from components.workload.spec import Bounds
from tests.components.recommender.guarding import Evidence, Situation, guarded

MI = 2**20
SETTINGS = GuardSettings()
BOUNDS = Bounds(1, 20, 50, 2000, 32 * MI, 4096 * MI)
GOOD = Evidence(15.0, False, False, 10.0 * MI, 0.0)


def followed(
    proposal: Proposal,
    previous: Allocation,
    evidence: Evidence = GOOD,
    minutes: int = 8,
    limits: Bounds = BOUNDS,
) -> list[Allocation]:
    """The same proposal every minute; what is given each time."""
    state = None
    given_each_minute = []
    for minute in range(minutes):
        situation = Situation(60.0 * minute, previous, limits, evidence)
        given = guarded(proposal, situation, state, SETTINGS)
        previous, state = given.allocation, given.state
        given_each_minute.append(previous)
    return given_each_minute


def test_growth_is_immediate_and_shrinking_waits_for_the_window_and_the_cool_down() -> None:
    previous = Allocation(4, 400, 400 * MI)
    grown = followed(Proposal(7, 600, 600 * MI), previous, minutes=1)
    assert grown == [Allocation(7, 600, 600 * MI)]
    # 300 s of window, then a step of 50, 30 and 20 % every 120 s: 4 -> 2, 400 -> 280 -> 200.
    shrunk = followed(Proposal(2, 200, 256 * MI), previous)
    assert [item.replicas for item in shrunk] == [4, 4, 4, 4, 4, 2, 2, 2]
    assert [item.cpu_m for item in shrunk] == [400] * 5 + [280, 280, 200]
    assert [item.memory_bytes // MI for item in shrunk] == [400] * 5 + [320, 320, 256]


def test_one_peak_in_the_window_holds_the_rest_up() -> None:
    state, previous = None, Allocation(10, 400, 400 * MI)
    replicas = []
    for minute in range(12):
        proposal = Proposal(8 if minute == 4 else 6, 400, 400 * MI)
        situation = Situation(60.0 * minute, previous, BOUNDS, GOOD)
        given = guarded(proposal, situation, state, SETTINGS)
        previous, state = given.allocation, given.state
        replicas.append(previous.replicas)
    # From 300 s on the most wanted is 8, until the peak at 240 s is 300 s old.
    assert replicas == [10] * 5 + [8] * 4 + [6] * 3


def test_capacity_in_use_is_kept_by_cpu_first_then_by_replicas() -> None:
    # 4 x 300 m, 900 m in use: 990 m are needed; 2 x 210 m is what pace alone would allow.
    previous = Allocation(4, 300, 400 * MI)
    kept = followed(
        Proposal(2, 100, 400 * MI), previous, replace(GOOD, cpu_usage_m=900.0), minutes=6
    )
    assert kept[-1] == Allocation(4, 300, 400 * MI)
    # 500 m in use: 550 m are needed, 2 x 275 m.
    kept = followed(
        Proposal(2, 100, 400 * MI), previous, replace(GOOD, cpu_usage_m=500.0), minutes=6
    )
    assert kept[-1] == Allocation(2, 275, 400 * MI)


def test_memory_rises_to_the_working_set_at_once_and_says_why() -> None:
    evidence = replace(GOOD, working_set_bytes=1000.0 * MI)
    situation = Situation(0.0, Allocation(1, 100, 100 * MI), BOUNDS, evidence)
    given = guarded(Proposal(1, 100, 100 * MI), situation, None, SETTINGS)
    assert given.allocation.memory_bytes == 1150 * MI
    assert [reason.code for reason in given.reasons] == ["WorkingSet"]


def test_memory_in_use_is_not_taken_away_for_a_lower_maximum() -> None:
    evidence = replace(GOOD, working_set_bytes=700.0 * MI)
    lower = replace(BOUNDS, memory_max_bytes=512 * MI)
    given_now = followed(
        Proposal(1, 100, 512 * MI), Allocation(1, 100, 1024 * MI), evidence, 1, lower
    )
    assert given_now == [Allocation(1, 100, 805 * MI)]


def test_the_bound_that_bound_is_named() -> None:
    situation = Situation(0.0, Allocation(18, 100, 64 * MI), BOUNDS, GOOD)
    given = guarded(Proposal(25, 100, 16 * MI), situation, None, SETTINGS)
    assert given.allocation.replicas == 20
    codes = [(reason.code, reason.dimension) for reason in given.reasons]
    assert codes == [("BoundMax", "replicas"), ("BoundMin", "memory"), ("Stabilised", "memory")]


@pytest.mark.parametrize("minutes_of_silence", [4, 60, 24 * 60])
def test_after_a_silence_a_whole_window_is_watched_again(minutes_of_silence: int) -> None:
    state, previous = None, Allocation(10, 400, 400 * MI)
    now_s, replicas = 0.0, []
    for minute in range(10):
        now_s += 60.0 * (minutes_of_silence if minute == 3 else 1)
        situation = Situation(now_s, previous, BOUNDS, GOOD)
        given = guarded(Proposal(6, 400, 400 * MI), situation, state, SETTINGS)
        previous, state = given.allocation, given.state
        replicas.append(previous.replicas)
    assert replicas == [10] * 8 + [6] * 2


def test_a_change_too_small_to_matter_is_not_made() -> None:
    previous = Allocation(2, 400, 400 * MI)
    assert followed(Proposal(2, 419, 419 * MI), previous, minutes=1) == [previous]
    assert followed(Proposal(2, 421, 421 * MI), previous, minutes=1) == [
        Allocation(2, 421, 421 * MI)
    ]


@pytest.mark.parametrize("huge", [1.7e308, math.inf, 1e18])
def test_a_measurement_that_no_cluster_can_have_is_no_measurement(huge: float) -> None:
    previous = Allocation(2, 400, 400 * MI)
    for evidence in (replace(GOOD, working_set_bytes=huge), replace(GOOD, cpu_usage_m=huge)):
        situation = Situation(0.0, previous, BOUNDS, evidence)
        given = guarded(Proposal(1, 100, 64 * MI), situation, None, SETTINGS)
        assert given.allocation == previous
        assert given.reasons[0].code == "TelemetryMissing"


def test_a_clock_that_jumped_back_between_two_looks_starts_the_watch_anew() -> None:
    # Found by the promises: the jump lay between two looks at which nothing was proposed.
    previous, state, shrunk = Allocation(2, 100, 64 * MI), None, []
    shrink = Proposal(1, 100, 64 * MI)
    looks = ((0, None), (180, shrink), (300, None), (255, None), (315, shrink))
    for now_s, proposal in looks:
        given = guarded(proposal, Situation(float(now_s), previous, BOUNDS, GOOD), state, SETTINGS)
        state = given.state
        shrunk.append(given.allocation.replicas < 2)

    assert shrunk == [False] * 5
