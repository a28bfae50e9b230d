"""A policy that is bad on purpose is refused by the gate, and without the gate sent back."""

from __future__ import annotations

import pytest

from components.recommender.phase_state import CANARY, LIVE, SHADOW
from tests.running_loop.bad_policies import BAD, trial
from tests.running_loop.gate_of_bad_policies import verdict_on

POLICIES = {policy.name: policy for policy in BAD}


@pytest.mark.parametrize("name", POLICIES)
def test_the_gate_refuses_it(name: str) -> None:
    verdict = verdict_on(POLICIES[name])
    failed = {check.name for check in verdict.checks if not check.passed}
    assert not verdict.accepted
    assert failed >= {"violation", "oom_kills"}


@pytest.mark.parametrize("phase", [CANARY, LIVE])
@pytest.mark.parametrize(
    ("name", "reason", "most_minutes"),
    [
        ("shrinks memory", "MemoryNearLimit", 40),
        ("starves CPU", "OomKills", 30),
        ("flaps", "Flapping", 60),
    ],
)
def test_who_acts_badly_is_sent_back_and_the_incumbent_acts(
    name: str, phase: str, reason: str, most_minutes: int
) -> None:
    found = trial(POLICIES[name], phase, most_minutes)
    assert found.reason == reason
    assert found.seconds is not None
    # Six minutes of the mean load.
    assert found.violated <= 360 * 60


@pytest.mark.parametrize("name", ["starves CPU", "flaps"])
def test_shadow_sees_what_a_true_twin_can_know(name: str) -> None:
    found = trial(POLICIES[name], SHADOW, 30)
    assert (found.reason, found.seconds is not None) == ("Violations", True)


def test_shadow_does_not_see_a_memory_that_is_tight_only_in_bursts() -> None:
    """Its twin is asked about a settled minute: what comes near between two is the canary's."""
    found = trial(POLICIES["shrinks memory"], SHADOW, 30)
    assert found.seconds is None
