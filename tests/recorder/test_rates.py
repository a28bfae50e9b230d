"""Rates: seeded, around their mean, and each shape with its own signature."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.recorder.rates import DAY_S, RateShape, rate_series
from tests.recorder.services import SERVICES


def series(shape: RateShape, seed: int = 1, seconds: int = 3 * DAY_S) -> np.ndarray:
    return rate_series(shape, np.random.default_rng(seed), seconds)


@pytest.mark.parametrize("service", SERVICES, ids=lambda service: service.name)
def test_every_service_stays_near_its_mean_and_within_the_bounds(service):
    rates = series(service.rate)
    mean = service.rate.mean_per_s
    assert rates.mean() == pytest.approx(mean, rel=0.15)
    assert rates.min() >= 0.15 * mean
    assert rates.max() <= 2.6 * mean


def test_the_same_seed_gives_the_same_rates_and_another_does_not():
    shape = RateShape(10, daily=0.4, bursts_per_hour=6, step_spread=0.2)
    assert np.array_equal(series(shape), series(shape))
    assert not np.array_equal(series(shape), series(shape, seed=2))


def test_a_daily_rate_repeats_after_a_day_and_is_low_half_a_day_later():
    rates = series(RateShape(10, daily=0.5, noise=0.0))
    assert np.allclose(rates[:DAY_S], rates[DAY_S : 2 * DAY_S])
    peak = int(np.argmax(rates[:DAY_S]))
    assert rates[(peak + DAY_S // 2) % DAY_S] < 0.7 * rates[peak]


def test_a_burst_rises_within_seconds_and_decays():
    rates = series(RateShape(10, bursts_per_hour=4, burst_height=2.0, noise=0.0))
    rises = np.flatnonzero(rates[8:] - rates[:-8] > 0.5 * rates.mean())
    assert rises.size > 0
    top = int(np.argmax(rates))
    assert rates[min(top + 300, len(rates) - 1)] < 0.7 * rates[top]


def test_steps_hold_their_level_for_two_to_six_minutes():
    rates = series(RateShape(10, step_spread=0.4, noise=0.0))
    jumps = np.flatnonzero(np.abs(np.diff(rates)) > 1e-9)
    assert jumps.size > 5
    assert np.diff(jumps).min() >= 120
    assert np.diff(jumps).max() < 360


@settings(max_examples=20, deadline=None)
@given(
    mean=st.floats(0.5, 100),
    daily=st.floats(0, 0.9),
    bursts=st.floats(0, 20),
    steps=st.floats(0, 1),
    noise=st.floats(0, 0.5),
)
def test_a_rate_is_always_positive_and_finite(mean, daily, bursts, steps, noise):
    shape = RateShape(mean, daily, 0.3, bursts, 1.5, steps, noise)
    rates = series(shape, seconds=600)
    assert np.isfinite(rates).all()
    assert (rates > 0).all()
