from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import pytest

from components.cluster.compiled import FloatArray
from components.policy.worth_retraining import (
    ESTABLISHED,
    EXCLUDED,
    LOOKS,
    OPEN,
    WORTH,
    ReferencePerformance,
    advantage_of,
    correlation_time,
    lost_performance,
    reference_performance,
)

STEADY = ReferencePerformance(mean=0.9, error=0.0, block_intervals=5)


def autoregressive(
    rng: np.random.Generator, batch: int, length: int, correlation: float, deviation: float
) -> FloatArray:
    """Series [batch, length] of mean 0 with this lag-1 correlation and deviation."""
    innovations = rng.standard_normal((batch, length)) * deviation
    series = np.empty_like(innovations)
    series[:, 0] = innovations[:, 0]
    fresh = math.sqrt(1.0 - correlation**2)
    for index in range(1, length):
        series[:, index] = correlation * series[:, index - 1] + fresh * innovations[:, index]
    return series


def drawn(rng: np.random.Generator, mean: float, deviation: float) -> Iterator[FloatArray]:
    """Differences in as many worlds as each look adds."""
    for added in np.diff((0, *LOOKS)):
        yield mean + deviation * rng.standard_normal(added)


def test_the_evidence_of_one_block_by_hand() -> None:
    # Loss 0.9 - 0.5 = 0.4 against 0.01 allowed; of the largest bet, 1 / (0.01 + 0.05) a unit of
    # loss, shares .02 .05 .1 .2 .4 .8 are staked: wealth 1 + share * 6.5.
    found = lost_performance(np.full(5, 0.5), STEADY)
    assert not found.real
    assert found.mean == pytest.approx(0.4)
    assert found.evidence == pytest.approx(math.log(1 + 6.5 * 1.57 / 6))
    assert found.since == 0
    assert found.p_value == pytest.approx(6 / (6 + 6.5 * 1.57))


def test_a_large_loss_starts_a_retraining_within_the_hour_and_says_since_when() -> None:
    performance = np.concatenate([np.full(60, 0.9), np.full(60, 0.75)])
    found = lost_performance(performance, STEADY)
    assert found.real
    assert found.since == 60
    assert not lost_performance(performance[:60], STEADY).real


def test_long_good_times_do_not_hide_a_loss() -> None:
    good = np.full(5000, 0.93)
    assert lost_performance(np.concatenate([good, np.full(60, 0.75)]), STEADY).real


def test_what_was_not_measured_counts_for_nothing() -> None:
    performance = np.full(60, 0.75)
    gaps = np.full(120, np.nan)
    gaps[::2] = performance
    whole, gappy = (lost_performance(one, STEADY) for one in (performance, gaps))
    assert gappy.evidence == whole.evidence
    nothing = lost_performance(np.full(10, np.nan), STEADY)
    assert (nothing.real, nothing.mean, nothing.since) == (False, 0.0, None)


@pytest.mark.parametrize("correlation", [0.0, 0.8, 0.95])
def test_a_policy_that_keeps_its_reference_is_left_alone_whatever_its_rhythm(
    correlation: float,
) -> None:
    rng = np.random.default_rng(1)
    series = 0.88 + autoregressive(rng, 200, 240 + 1440, correlation, 0.04)
    started = [lost_performance(row[240:], reference_performance(row[:240])).real for row in series]
    # A day has 39 to 288 blocks: one false start in 200 of them would be most of the days. What
    # is lost here is nothing, and WORTH is left alone.
    assert np.mean(started) <= 0.05


@pytest.mark.parametrize(("lost", "within_min"), [(0.05, 720), (0.1, 180), (0.2, 120)])
def test_a_loss_is_found_the_sooner_the_larger_it_is(lost: float, within_min: int) -> None:
    rng = np.random.default_rng(2)
    series = 0.88 + autoregressive(rng, 100, 240 + within_min, 0.8, 0.04)
    series[:, 240:] -= lost
    found = [lost_performance(row[240:], reference_performance(row[:240])).real for row in series]
    assert np.mean(found) >= 0.9


def test_blocks_last_as_long_as_the_correlation() -> None:
    rng = np.random.default_rng(3)
    series = autoregressive(rng, 200, 4000, 0.8, 1.0)
    # Of an autoregressive series (1 + .8) / (1 - .8) = 9 intervals count as one.
    assert np.mean([correlation_time(row) for row in series]) == pytest.approx(9.0, rel=0.15)
    assert correlation_time(np.full(10, 0.5)) == 1.0
    assert reference_performance(series[0]).block_intervals >= 6


def test_a_reference_by_hand() -> None:
    # No correlation is positive: blocks of 5. Means 0.9 and 0.8 of two halves, twice each.
    alternating = np.concatenate([np.full(5, 0.9), np.full(5, 0.8)] * 2)
    reference = reference_performance(alternating)
    assert reference.mean == pytest.approx(0.85)
    assert reference.block_intervals == 5
    assert reference.error == pytest.approx(np.std([0.9, 0.8, 0.9, 0.8], ddof=1) / 2)


@pytest.mark.parametrize("performance", [np.empty(0), np.array([np.nan, 0.5, np.nan])])
def test_a_reference_of_nothing_is_refused(performance: FloatArray) -> None:
    with pytest.raises(ValueError, match="two intervals"):
        reference_performance(performance)


@pytest.mark.parametrize(
    ("mean", "verdict"), [(0.05, ESTABLISHED), (0.0, EXCLUDED), (-0.3, EXCLUDED)]
)
def test_a_clear_case_is_decided_at_the_first_look(mean: float, verdict: str) -> None:
    rng = np.random.default_rng(4)
    decided = advantage_of(drawn(rng, mean, 0.01))
    assert (decided.verdict, decided.worlds) == (verdict, LOOKS[0])
    assert decided.low < decided.mean < decided.high


def test_what_stays_undecided_is_said_to_be_open_after_the_last_look() -> None:
    rng = np.random.default_rng(5)
    decided = [advantage_of(drawn(rng, WORTH, 0.05)) for _ in range(20)]
    assert all(one.worlds == LOOKS[-1] for one in decided if one.verdict == OPEN)
    assert sum(one.verdict == OPEN for one in decided) >= 16


def test_looking_often_establishes_no_more_than_the_error_allows() -> None:
    rng = np.random.default_rng(6)
    decided = [advantage_of(drawn(rng, WORTH, 0.05)).verdict for _ in range(1000)]
    for wrong in (ESTABLISHED, EXCLUDED):
        assert decided.count(wrong) / 1000 <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / 1000)


def test_a_look_of_another_size_is_refused() -> None:
    with pytest.raises(ValueError, match="a look needs 32 worlds, not 3"):
        advantage_of(iter([np.zeros(3)]))
