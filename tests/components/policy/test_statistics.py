from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from components.policy.statistics import lower_bound, mean_interval, upper_bound

# Mean 2.5, s = 1.290994, s / sqrt(4) = 0.645497; t.975(3) = 3.182446, t.95(3) = 2.353363.
ONE_TO_FOUR = np.array([1.0, 2.0, 3.0, 4.0])
samples = hnp.arrays(np.float64, st.integers(2, 20), elements=st.floats(-1e6, 1e6))


def test_an_interval_by_hand() -> None:
    interval = mean_interval(ONE_TO_FOUR)

    assert interval.mean == 2.5
    assert interval.low == pytest.approx(2.5 - 3.182446 * 0.645497, abs=1e-5)
    assert interval.high == pytest.approx(2.5 + 3.182446 * 0.645497, abs=1e-5)


def test_one_sided_bounds_by_hand() -> None:
    assert upper_bound(ONE_TO_FOUR) == pytest.approx(2.5 + 2.353363 * 0.645497, abs=1e-5)
    assert lower_bound(ONE_TO_FOUR) == pytest.approx(2.5 - 2.353363 * 0.645497, abs=1e-5)


def test_values_without_spread_have_no_width() -> None:
    same = np.full(5, 0.25)

    assert mean_interval(same) == type(mean_interval(same))(0.25, 0.25, 0.25)
    assert upper_bound(same) == 0.25


@given(samples)
def test_bounds_enclose_the_mean_and_the_interval_is_wider_than_they_are(
    values: np.ndarray[tuple[int], np.dtype[np.float64]],
) -> None:
    interval = mean_interval(values)

    assert interval.low <= lower_bound(values) <= interval.mean + 1e-9
    assert interval.mean <= upper_bound(values) + 1e-9 <= interval.high + 1e-9


def test_the_interval_covers_the_truth_as_often_as_it_says() -> None:
    rng = np.random.default_rng(7)
    draws = rng.normal(1.0, 2.0, (4000, 5))
    covered = [(i.low <= 1.0 <= i.high) for i in map(mean_interval, draws)]

    # Three standard errors of a share of .95 over 4,000 draws are .0103.
    assert np.mean(covered) == pytest.approx(0.95, abs=0.0103)


@pytest.mark.parametrize(
    "values", [[], [1.0], [[1.0, 2.0], [3.0, 4.0]], [1.0, float("nan")], [1.0, float("inf")]]
)
def test_what_has_no_interval_is_refused(values: list[float]) -> None:
    with pytest.raises(ValueError, match="an interval needs"):
        mean_interval(np.array(values))
