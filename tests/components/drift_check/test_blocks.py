"""Blocks of autocorrelated series, by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.drift_check.blocks import (
    blocks,
    lag_one_correlation,
    variance_freedom,
    without_outliers,
)

NAN = np.nan


def test_a_block_is_the_median_of_what_is_present() -> None:
    values = np.array([1.0, 2.0, 9.0, NAN, 5.0, 7.0, NAN, NAN, NAN, 4.0, 4.0])
    np.testing.assert_allclose(blocks(values, 4), [2.0, 6.0, 4.0])


def test_a_block_that_is_mostly_missing_is_missing() -> None:
    np.testing.assert_allclose(blocks(np.array([1.0, NAN, NAN, NAN]), 4), [NAN])
    np.testing.assert_allclose(blocks(np.array([1.0, 2.0, 3.0, 4.0, 5.0]), 4), [2.5, NAN])


def test_outliers_are_moved_to_three_deviations() -> None:
    # median 3, MAD 1, deviation 1.4826: at most 3 + 4.4478
    values = np.array([1.0, 2.0, 3.0, 4.0, 99.0, NAN])
    np.testing.assert_allclose(without_outliers(values), [1.0, 2.0, 3.0, 4.0, 7.4478, NAN])


def test_the_correlation_is_corrected_for_its_bias() -> None:
    # centred: -1 1 -1 1 ...: estimate -1, corrected (9 * -1 + 1) / 6 < 0 -> 0
    assert lag_one_correlation(np.array([0.0, 2.0] * 5)) == 0.0
    # centred -2.5 ... 2.5 by 1 with a pause: seven pairs from eight values
    values = np.array([0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0])
    centred = values - 3.5
    estimate = np.mean(centred[:-1] * centred[1:]) / np.mean(centred**2)
    assert lag_one_correlation(values) == pytest.approx(min(0.9, (7 * estimate + 1) / 4))


def test_a_constant_or_short_series_is_not_correlated() -> None:
    assert lag_one_correlation(np.full(20, 3.0)) == 0.0
    assert lag_one_correlation(np.array([1.0, 2.0, 3.0])) == 0.0


def test_correlated_blocks_tell_less_of_their_variance() -> None:
    assert variance_freedom(11, 0.0) == 10.0
    assert variance_freedom(25, 0.5) == 25 * 0.6 - 1
    assert variance_freedom(3, 0.9) == 1.0


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=50), st.integers(1, 12))
def test_blocks_of_complete_series_lie_within_their_values(values: list[float], steps: int) -> None:
    found = blocks(np.array(values), steps)
    present = found[np.isfinite(found)]
    assert len(found) == -(-len(values) // steps)
    assert np.all((present >= min(values)) & (present <= max(values)))
