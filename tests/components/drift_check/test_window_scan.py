"""The scan over windows: what it takes for usual, and what for a step."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.drift_check.window_scan import (
    WindowScan,
    in_blocks,
    scan_windows,
    window_scan_of,
)

STEP_S = 900.0
DAY = 96
MONDAY_S = 4 * 86400.0


def heavy(rng: np.random.Generator, days: int) -> np.ndarray:
    """A rhythm of day and week, noise of Student's t with three degrees of freedom."""
    steps = np.arange(days * DAY)
    day = np.sin(2 * np.pi * steps / DAY) + 0.5 * np.sin(4 * np.pi * steps / DAY)
    weekend = (steps // DAY % 7 >= 5) * -1.0
    return day + weekend + 0.1 * rng.standard_t(3, len(steps))


def known_of(values: np.ndarray, only_up: bool = False) -> WindowScan:
    return window_scan_of(values, MONDAY_S + STEP_S * np.arange(len(values)), STEP_S, only_up)


def test_blocks_are_medians_of_quarters_of_an_hour() -> None:
    values = np.array([1.0, 2.0, 9.0, 4.0, np.nan, np.nan])
    assert in_blocks(values, 300.0).tolist() == [2.0, 4.0]
    assert in_blocks(values, 3600.0).tolist()[:4] == [1.0, 2.0, 9.0, 4.0]


def test_the_evidence_is_the_largest_mean_in_its_own_deviation() -> None:
    still = np.zeros((2, DAY))
    known = WindowScan(still, 1.0, np.array([1.0, 0.5, 0.5, 0.5, 0.25]), 0.0, 1.0, False)
    values = np.zeros(60)
    values[40:44] = -2.0  # an hour: its mean is -2, that of two hours -1
    found = scan_windows(values, MONDAY_S, STEP_S, known)
    assert found.evidence[43] == pytest.approx(2.0)
    assert found.start[43] == 40  # both say 2: the shorter is believed
    assert found.evidence[39] == 0.0


def test_a_far_excursion_counts_no_more_than_a_far_one() -> None:
    known = WindowScan(np.zeros((2, DAY)), 1.0, np.ones(5), 0.0, 1.0, False)
    for far in (8.0, 1e6):
        values = np.zeros(30)
        values[20] = far
        assert scan_windows(values, MONDAY_S, STEP_S, known).evidence.max() == pytest.approx(2.0)


def test_the_rhythm_of_day_and_weekend_is_taken_out() -> None:
    values = heavy(np.random.default_rng(1), 21)
    known = known_of(values[: 14 * DAY])
    found = scan_windows(values[14 * DAY :], MONDAY_S + 14 * 86400.0, STEP_S, known)
    assert abs(float(np.median(found.rest))) < 0.05
    assert float(np.median(np.abs(found.rest))) < 0.15


def test_heavy_tails_raise_few_alarms_and_a_step_raises_one() -> None:
    alarms = found = 0
    for seed in range(10):
        values = heavy(np.random.default_rng(seed), 28)
        known = known_of(values[: 14 * DAY])
        later = MONDAY_S + 14 * 86400.0
        calm = scan_windows(values[14 * DAY :], later, STEP_S, known)
        alarms += known.p_value(float(calm.evidence.max()), 14.0) < 0.01
        stepped = values[14 * DAY :].copy()
        stepped[7 * DAY :] += 0.5
        seen = scan_windows(stepped, later, STEP_S, known).evidence
        found += known.p_value(float(seen[7 * DAY : 7 * DAY + 48].max()), 14.0) < 0.01
    assert alarms <= 1
    assert found == 10


def test_only_up_looks_at_no_step_down() -> None:
    known = WindowScan(np.zeros((2, DAY)), 1.0, np.ones(5), 0.0, 1.0, only_up=True)
    values = np.concatenate([np.zeros(20), np.full(20, -3.0)])
    assert scan_windows(values, MONDAY_S, STEP_S, known).evidence.max() == 0.0
    assert scan_windows(-values, MONDAY_S, STEP_S, known).evidence.max() == 3.0


def test_the_p_value_is_that_of_the_rate_of_days() -> None:
    known = WindowScan(np.zeros((2, DAY)), 1.0, np.ones(5), 2.0, 0.5, False)
    # At 2 + .5 log 100 it is one day of a hundred; ten days see one with 1 - exp(-.1).
    evidence = 2.0 + 0.5 * math.log(100.0)
    assert known.p_value(evidence, 10.0) == pytest.approx(1.0 - math.exp(-0.1))
    assert known.return_days(np.array([evidence])) == pytest.approx([math.log(100.0)])


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 2**32 - 1), st.floats(0.0, 0.6))
def test_missing_steps_never_feign_a_step(seed: int, missing: float) -> None:
    rng = np.random.default_rng(seed)
    values = np.where(rng.random(4 * DAY) < missing, np.nan, 1.0)
    known = known_of(np.ones(4 * DAY))
    assert scan_windows(values, MONDAY_S, STEP_S, known).evidence.max() == pytest.approx(0.0)
