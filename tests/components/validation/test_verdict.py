from __future__ import annotations

import numpy as np
import pytest

from components.validation.verdict import Criteria, Scores, gap_closed, judge, judge_all

N = 20
WAVE = np.tile([0.001, -0.001], N // 2)
INCUMBENT = Scores(
    violation=np.full(N, 0.02),
    reward=np.full(N, 0.80),
    core_hours=np.full(N, 1.0),
    gib_hours=np.full(N, 4.5),
    kills_per_h=np.zeros(N),
)


def scores(
    violation: float,
    reward: float,
    core_hours: float,
    spread: float = 1.0,
    kills_per_h: float = 0.0,
) -> Scores:
    """The incumbent's scores moved to these means, with a spread of .001 around them."""
    return Scores(
        violation + spread * WAVE,
        reward + spread * WAVE,
        core_hours + spread * WAVE,
        np.full(N, 4.5),
        kills_per_h + spread * WAVE,
    )


def test_better_in_everything_is_accepted() -> None:
    verdict = judge(scores(0.01, 0.85, 0.8), INCUMBENT, Criteria())

    assert verdict.accepted
    names = ["violation", "reward", "cost", "oom_kills", "price"]
    assert [check.name for check in verdict.checks] == names
    assert all(check.passed for check in verdict.checks)


def test_the_numbers_by_hand() -> None:
    """Cost is 1 + 4.5 / 9 = 1.5 against .8 + .5: 13.3 % saved.

    Each difference has s = .001 * sqrt(20 / 19) = .00102598, over sqrt(20): .000229416.
    t.95(19) = 1.729133 and t.975(19) = 2.093024.
    """
    violation, reward, cost, _, price = judge(scores(0.01, 0.85, 0.8), INCUMBENT, Criteria()).checks

    assert violation.difference == pytest.approx(-0.01)
    assert violation.bound == pytest.approx(-0.01 + 1.729133 * 0.000229416, abs=1e-8)
    assert violation.limit == 0.01
    assert reward.difference == pytest.approx(0.05)
    assert reward.bound == pytest.approx(0.05 - 2.093024 * 0.000229416, abs=1e-8)
    assert cost.difference == pytest.approx(0.2 / 1.5)
    assert cost.bound == pytest.approx(0.2 / 1.5 - 2.093024 * 0.000229416 / 1.5, abs=1e-8)
    assert price.bound == pytest.approx(-0.2 / 1.5 + 1.729133 * 0.000229416 / 1.5, abs=1e-8)


@pytest.mark.parametrize(
    ("violation", "reward", "core_hours", "accepted"),
    [
        (0.029, 0.85, 1.2, False),  # better reward, dearer
        (0.029, 0.85, 1.02, True),  # better reward, dearer by 1.3 %
        (0.019, 0.85, 1.2, True),  # better reward, dearer, fewer violations
        (0.029, 0.75, 0.8, True),  # cheaper, lower reward
        (0.029, 0.80, 1.0, False),  # better in nothing
        (0.0301, 0.95, 0.5, False),  # over the margin, whatever else it does
        (0.50, 0.95, 0.5, False),
    ],
)
def test_violations_may_not_be_traded_and_something_has_to_be_better(
    violation: float, reward: float, core_hours: float, accepted: bool
) -> None:
    verdict = judge(scores(violation, reward, core_hours), INCUMBENT, Criteria())

    assert verdict.accepted is accepted


def test_the_same_as_the_incumbent_is_not_accepted() -> None:
    assert not judge(INCUMBENT, INCUMBENT, Criteria()).accepted


def test_a_gain_that_noise_could_have_made_is_not_accepted() -> None:
    assert judge(scores(0.02, 0.81, 1.0, spread=1.0), INCUMBENT, Criteria()).accepted
    assert not judge(scores(0.02, 0.81, 1.0, spread=100.0), INCUMBENT, Criteria()).accepted


def test_violations_that_are_only_uncertain_are_not_accepted() -> None:
    """The mean difference is 0, the bound .1026 / sqrt(20) * 1.729: four points."""
    assert not judge(scores(0.02, 0.95, 0.5, spread=100.0), INCUMBENT, Criteria()).accepted


def test_a_policy_that_is_only_a_copy_with_luck_is_rarely_accepted() -> None:
    """Two chances to be better share 5 %: three standard errors over 2,000 draws are 1.5 %."""
    rng = np.random.default_rng(3)
    accepted = 0
    for _ in range(2000):
        lucky = Scores(
            INCUMBENT.violation,
            INCUMBENT.reward + rng.normal(0, 0.01, N),
            INCUMBENT.core_hours + rng.normal(0, 0.01, N),
            INCUMBENT.gib_hours,
            INCUMBENT.kills_per_h,
        )
        accepted += judge(lucky, INCUMBENT, Criteria()).accepted

    assert accepted / 2000 < 0.05 + 0.015


def test_reasons_carry_the_numbers() -> None:
    verdict = judge(scores(0.01, 0.85, 0.8), INCUMBENT, Criteria())
    violation, reward, cost, kills, price = verdict.reasons

    assert violation == (
        "SLO violations: 1.00 % of the time, 2.00 % under the incumbent. With 95 % confidence the"
        " policy has at least 0.96 points fewer; up to 1.00 points more is allowed: passed."
    )
    assert reward == (
        "Reward: 0.850, 0.800 under the incumbent. With 97.5 % confidence the difference is above"
        " +0.0495: better."
    )
    assert cost == (
        "Cost: 1.300 core-hours (with memory at 9 GiB a core), 1.500 under the incumbent. With"
        " 97.5 % confidence the saving is above +13.3 %: cheaper."
    )
    assert kills == (
        "OOM kills an hour: 0.00, 0.00 under the incumbent. With 95 % confidence the difference is"
        " below +0.00; up to +0.10 is allowed: passed."
    )
    assert price == (
        "Price of a better reward: with 95 % confidence the policy is at least 13.3 % cheaper, and"
        " its violations are strictly fewer; where they are not, up to 2 % dearer is allowed:"
        " passed."
    )


def test_reasons_say_what_failed() -> None:
    violation, reward, cost, kills, price = judge(
        scores(0.05, 0.70, 1.5, kills_per_h=0.5), INCUMBENT, Criteria()
    ).reasons

    assert violation.endswith(
        "the policy has at most 3.04 points more; up to 1.00 points more is allowed: failed."
    )
    assert reward.endswith("not proved better.")
    assert cost.endswith("not proved cheaper.")
    assert kills.endswith("below +0.50; up to +0.10 is allowed: failed.")
    # .5 core-hours more of 1.5.
    assert "at most 33.4 % dearer, and its violations are not fewer" in price
    assert price.endswith("allowed: failed.")


def test_more_oom_kills_than_the_incumbent_are_refused_whatever_else_is_better() -> None:
    """s = .00102598, over sqrt(20) .000229416, times t.95(19) = 1.729133: .000396691."""
    few = judge(scores(0.01, 0.85, 0.8, kills_per_h=0.0995), INCUMBENT, Criteria())
    many = judge(scores(0.01, 0.85, 0.8, kills_per_h=0.0997), INCUMBENT, Criteria())

    assert few.accepted
    assert few.checks[3].bound == pytest.approx(0.0995 + 0.000396691, abs=1e-8)
    assert not many.accepted
    assert all(check.passed for check in many.checks[:3])


def test_one_kill_in_twenty_hours_is_too_uncertain_for_the_usual_margin() -> None:
    """One kill in 20 hours: .05 + 1.729133 * .223607 / sqrt(20) = .13646, over the margin."""
    rare = np.zeros(N)
    rare[0] = 1.0
    policy = scores(0.01, 0.85, 0.8)
    killing = Scores(
        policy.violation, policy.reward, policy.core_hours, policy.gib_hours, kills_per_h=rare
    )
    bound = judge(killing, INCUMBENT, Criteria()).checks[3].bound

    assert bound == pytest.approx(0.13646, abs=1e-5)
    assert not judge(killing, INCUMBENT, Criteria()).accepted
    assert judge(killing, INCUMBENT, Criteria(kill_margin_per_h=0.2)).accepted


def test_a_policy_has_to_pass_against_each_incumbent_and_the_hardest_is_named() -> None:
    policy = scores(0.01, 0.85, 0.8)
    weaker, stronger = INCUMBENT, scores(0.02, 0.84, 1.0, spread=0.0)
    too_strong = scores(0.02, 0.90, 0.5, spread=0.0)

    name, verdict = judge_all(policy, {"weaker": weaker, "stronger": stronger}, Criteria())
    assert (name, verdict.accepted) == ("stronger", True)
    name, verdict = judge_all(policy, {"weaker": weaker, "too strong": too_strong}, Criteria())
    assert (name, verdict.accepted) == ("too strong", False)


def test_the_gap_closed_by_hand() -> None:
    start, bound = np.array([0.6, 0.7]), np.array([0.9, 0.8])

    assert gap_closed(np.array([0.8, 0.75]), start, bound) == pytest.approx(0.125 / 0.2)
    assert gap_closed(start, start, bound) == 0.0
    assert gap_closed(bound, start, bound) == 1.0
    assert gap_closed(start - 0.1, start, bound) == pytest.approx(-0.5)
    assert gap_closed(bound, start, start + 0.001) is None
