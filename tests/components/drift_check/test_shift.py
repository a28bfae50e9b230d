"""The minimum-effect test, by hand and against its promised error."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from components.drift_check.shift import (
    first_shifted,
    level_of,
    minimum_effect,
    shift_between,
    wandering,
)


def test_the_statistic_is_what_lies_beyond_the_floor_over_the_error() -> None:
    shift = minimum_effect(difference=-0.5, error=0.1, freedom=9.0, floor=0.2, since=4)
    assert shift.statistic == pytest.approx(3.0)
    assert shift.p_value == pytest.approx(stats.t.sf(3.0, 9) + stats.t.sf(7.0, 9))
    reach = 0.1 * 2.262157
    assert shift.low == pytest.approx(-0.5 - reach, abs=1e-6)
    assert shift.high == pytest.approx(-0.5 + reach, abs=1e-6)
    assert shift.since == 4


def test_a_difference_within_the_floor_is_never_sure() -> None:
    assert minimum_effect(0.19, error=1e-6, freedom=50.0, floor=0.2, since=0).p_value > 0.5


def test_a_level_has_the_error_of_its_blocks_and_less_freedom_when_they_are_correlated() -> None:
    values = np.array([1.0, 2.0, 3.0, 4.0, 5.0])
    level = level_of(values, 0.5)
    assert level.mean == 3.0
    assert level.error == pytest.approx(math.sqrt(2.5 / 5))
    assert level.freedom == pytest.approx(5 * 0.6 - 1)


def test_the_start_is_where_one_step_explains_most() -> None:
    assert first_shifted(np.array([0.1, -0.1, 0.0, 1.0, 0.9, 1.1])) == 3
    assert first_shifted(np.array([1.0, 1.1, 0.9])) == 0
    assert first_shifted(np.array([0.0, np.nan, 0.0, np.nan, -2.0])) == 4


def test_a_reference_that_moves_slowly_makes_the_test_careful() -> None:
    noise = np.random.default_rng(5).normal(0, 0.1, 24)
    slope = noise + np.linspace(0, 2, 24)
    assert wandering(noise, 10) < 2.0
    assert wandering(slope, 10) > 3.0


def test_too_few_blocks_are_not_tested() -> None:
    many, few = np.zeros(20), np.array([0.0, np.nan, np.nan, 0.0])
    assert shift_between(many, few, 0.1) is None
    assert shift_between(few, many, 0.1) is None


@pytest.mark.parametrize("correlation", [0.0, 0.3, 0.6])
def test_a_shift_as_large_as_the_floor_is_called_drift_no_more_often_than_promised(
    correlation: float,
) -> None:
    rng = np.random.default_rng(7)
    alarms = 0
    for _ in range(200):
        series = np.empty(134)
        series[0] = rng.normal()
        for step in range(1, 134):
            shock = rng.normal() * math.sqrt(1 - correlation**2)
            series[step] = correlation * series[step - 1] + shock
        shift = shift_between(series[:24], series[-10:] + 1.0, floor=1.0)
        assert shift is not None
        alarms += shift.p_value < 0.05
    # 10 are promised; 19 is three standard deviations above.
    assert alarms <= 19


def test_a_few_blocks_that_lie_close_together_prove_no_shift() -> None:
    # The reference's blocks have a deviation of .5; three alike blocks at one of its levels.
    reference = np.tile([0.0, 1.0], 12)
    recent = np.concatenate([np.tile([0.0, 1.0], 5), [np.nan, np.nan, 1.0, 1.01, 0.99]])
    shift = shift_between(reference, recent, 0.2)
    assert shift is not None
    assert shift.p_value > 0.05
    far = np.concatenate([np.tile([0.0, 1.0], 5), [np.nan, np.nan, 4.0, 4.01, 3.99]])
    found = shift_between(reference, far, 0.2)
    assert found is not None
    assert found.p_value < 0.001
