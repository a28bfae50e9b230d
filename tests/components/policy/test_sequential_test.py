from __future__ import annotations

import math

import numpy as np
import pytest

from components.policy.sequential_test import (
    BETTORS,
    FloatArray,
    bet_above,
    bet_below,
    evidence,
    start,
    topped_up,
)
from components.recommender.reference import reference_of

ALARM = math.log(1 / 0.01)


def test_one_bet_above_by_hand() -> None:
    # limit 0.1, x 0.6: shares .02 .05 .1 .2 .4 .8 of 1 / 0.1 win 0.5 each: 1 + 5 * share.
    wealth = np.exp(bet_above(start(), np.array(0.6), np.array(0.1)))
    assert wealth == pytest.approx([1.1, 1.25, 1.5, 2.0, 3.0, 5.0])
    assert float(evidence(np.log(wealth))) == pytest.approx(math.log(13.85 / 6))


def test_one_bet_below_by_hand() -> None:
    # limit 0.2, x 0: shares of 1 / 0.8 win 0.2 each: 1 + 0.25 * share.
    wealth = np.exp(bet_below(start(), np.array(0.0), np.array(0.2)))
    assert wealth == pytest.approx([1.005, 1.0125, 1.025, 1.05, 1.1, 1.2])


def test_no_outcome_ruins_a_bettor() -> None:
    for x in (0.0, 1.0):
        for limit in (0.001, 0.5, 0.95):
            for bet in (bet_above, bet_below):
                assert np.isfinite(bet(start(), np.array(x), np.array(limit))).all()


def test_a_batch_is_the_same_as_one_by_one() -> None:
    rng = np.random.default_rng(1)
    x, limit = rng.random(7), rng.uniform(0.05, 0.5, 7)
    together = bet_above(start(7), x, limit)
    assert together.shape == (7, BETTORS)
    for number in range(7):
        alone = bet_above(start(), np.asarray(x[number]), np.asarray(limit[number]))
        assert together[number] == pytest.approx(alone)


def bursty(
    rng: np.random.Generator, batch: int, steps: int, mean: float, burst: float
) -> FloatArray:
    """Violation shares [B, T]: about 0.5 within bursts of a mean length, else 0."""
    share = mean / 0.5
    ends = 1 / burst
    begins = ends * share / (1 - share)
    within = rng.random(batch) < share
    shares = np.empty((batch, steps))
    for step in range(steps):
        chance = rng.random(batch)
        within = np.where(within, chance >= ends, chance < begins)
        shares[:, step] = np.where(within, rng.uniform(0.3, 0.7, batch), 0.0)
    return shares


def alarm_after(x: FloatArray, limit: float, forever: bool = False) -> FloatArray:
    """The step [B] of the alarm, infinite for none."""
    log_wealth = start(len(x))
    after = np.full(len(x), np.inf)
    for step in range(x.shape[1]):
        if forever:
            log_wealth = topped_up(log_wealth)
        log_wealth = bet_above(log_wealth, x[:, step], np.full(len(x), limit))
        raised = (evidence(log_wealth) >= ALARM) & np.isinf(after)
        after[raised] = step + 1
    return after


@pytest.mark.parametrize("mean", [0.005, 0.02, 0.1])
def test_looking_after_every_interval_raises_no_more_false_alarms_than_promised(
    mean: float,
) -> None:
    rng = np.random.default_rng(2)
    # The mean is the limit itself, the worst there is without regression.
    x = (rng.random((2000, 1440)) < mean).astype(float)
    false_alarms = np.isfinite(alarm_after(x, mean)).mean()
    assert false_alarms <= 0.01 + 3 * math.sqrt(0.01 * 0.99 / 2000)


@pytest.mark.parametrize(("regressed_to", "within"), [(1.0, 3), (0.5, 8), (0.15, 60), (0.08, 240)])
def test_a_regression_is_found_the_sooner_the_larger_it_is(
    regressed_to: float, within: int
) -> None:
    rng = np.random.default_rng(3)
    x = (rng.random((400, 1440)) < regressed_to).astype(float)
    after = alarm_after(x, 0.035)
    assert np.isfinite(after).mean() >= 0.99
    assert np.median(after) <= within


@pytest.mark.parametrize(
    ("mean", "burst", "most_false", "least_found"),
    [(0.005, 3, 0.03, 0.9), (0.02, 3, 0.03, 0.4), (0.05, 3, 0.03, 0.9), (0.05, 10, 0.05, 0.5)],
)
def test_bursts_of_the_incumbent_are_not_taken_for_a_regression(
    mean: float, burst: float, most_false: float, least_found: float
) -> None:
    rng = np.random.default_rng(4)
    batch = 100
    before = bursty(rng, batch, 1440, mean, burst)
    same = bursty(rng, batch, 1440, mean, burst)
    worse = bursty(rng, batch, 1440, max(3 * mean, 0.06), burst)
    false = found = 0
    for number in range(batch):
        reference = reference_of(before[number], 0)
        block = reference.block_intervals
        for kind, shares in (("same", same[number]), ("worse", worse[number])):
            blocks = shares[: len(shares) // block * block].reshape(1, -1, block).mean(-1)
            alarmed = bool(np.isfinite(alarm_after(blocks, reference.limit))[0])
            false += alarmed and kind == "same"
            found += alarmed and kind == "worse"
    assert false / batch <= most_false
    assert found / batch >= least_found


def test_after_long_good_times_only_the_topped_up_test_finds_a_change_soon() -> None:
    rng = np.random.default_rng(5)
    x = np.concatenate(
        [np.zeros((100, 5000)), (rng.random((100, 200)) < 0.3).astype(float)], axis=1
    )
    assert np.median(alarm_after(x, 0.035, forever=True)) <= 5000 + 25
    assert np.isinf(alarm_after(x, 0.035)).mean() > 0.9


def test_watching_without_end_alarms_no_oftener_than_once_in_the_threshold() -> None:
    rng = np.random.default_rng(6)
    x = (rng.random((500, 400)) < 0.05).astype(float)
    # Mean time to a false alarm at least 100 looks: within 400 most runs may alarm, but an
    # exponential time of mean 100 or more leaves at least e^-4 of them; by 20 looks at most 20 %.
    after = alarm_after(x, 0.05, forever=True)
    assert (after <= 20).mean() <= 0.2
    assert np.minimum(after, 400).mean() >= 100
