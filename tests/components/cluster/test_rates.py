import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.cluster.rates import filled, resampled_rates, synthetic_rates
from components.errors import UserError


def lag_one(series: np.ndarray) -> float:
    return float(np.corrcoef(series[:-1], series[1:])[0, 1])


@given(st.integers(0, 2**32), st.floats(0.01, 1e4))
def test_synthetic_rates_have_their_mean_and_no_absurd_peak(seed: int, mean: float) -> None:
    rates = synthetic_rates(np.random.default_rng(seed), 2, 240, np.array([mean, 2 * mean]))
    np.testing.assert_allclose(rates.mean(axis=1), [mean, 2 * mean], rtol=0.05)
    assert (rates > 0.0).all()
    assert (rates.max(axis=1) <= 4.5 * rates.mean(axis=1)).all()


def test_synthetic_rates_are_repeated_by_their_seed() -> None:
    first = synthetic_rates(np.random.default_rng(4), 3, 100, np.ones(3))
    again = synthetic_rates(np.random.default_rng(4), 3, 100, np.ones(3))
    np.testing.assert_array_equal(first, again)


def test_resampled_rates_keep_level_and_autocorrelation() -> None:
    rng = np.random.default_rng(1)
    measured = 20.0 + 10.0 * np.sin(np.arange(200) / 15.0) + rng.normal(0.0, 0.5, 200)
    traces = resampled_rates(rng, measured, 40, 240)
    assert traces.shape == (40, 240)
    assert traces.mean() == pytest.approx(measured.mean(), rel=0.1)
    assert traces.min() > 0.85 * measured.min()
    assert traces.max() < 1.15 * measured.max()
    assert np.mean([lag_one(trace) for trace in traces]) > lag_one(measured) - 0.05


def test_gaps_are_bridged() -> None:
    np.testing.assert_array_equal(
        filled(np.array([np.nan, 2.0, np.nan, 4.0, np.nan])), [2.0, 2.0, 3.0, 4.0, 4.0]
    )


def test_a_series_of_nothing_is_refused() -> None:
    with pytest.raises(UserError, match="no value at all"):
        resampled_rates(np.random.default_rng(0), np.full(9, np.nan), 1, 8)


@pytest.mark.parametrize("length", [1, 2, 9])
def test_short_series_can_be_resampled(length: int) -> None:
    traces = resampled_rates(np.random.default_rng(0), np.full(length, 5.0), 3, 30)
    assert np.isfinite(traces).all()
    assert traces.shape == (3, 30)
