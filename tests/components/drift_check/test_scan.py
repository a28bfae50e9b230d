"""The scan on series whose shift is known, and the rhythm it is freed from."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import signal

from components.drift_check.rhythm import without_rhythm
from components.drift_check.scan import Calibration, calibrate, scan

STEP_S = 60.0
DAY = 1440


def wandering_series(rng: np.random.Generator, steps: int, phi: float = 0.98) -> np.ndarray:
    innovations = rng.standard_normal(steps) * math.sqrt(1.0 - phi * phi)
    return signal.lfilter([1.0], [1.0, -phi], innovations)


@pytest.fixture(scope="module")
def calibration() -> Calibration:
    rng = np.random.default_rng(1)
    return calibrate(wandering_series(rng, 14 * DAY), STEP_S, rng)


def test_the_ratio_of_a_noiseless_step_is_its_evidence() -> None:
    known = Calibration(0.5, 1.0, 0.0, 1.0, 1800.0)
    values = np.array([0.0, 0.0, 2.0, 2.0])
    found = scan(values, known)
    # Innovations 0, 0, 2, 1: from 2 on, (2 + 0.5 * 1) / sqrt(1 + 0.25) at the end.
    assert found.ratio[3] == pytest.approx(2.5 / math.sqrt(1.25))
    assert found.start[3] == 2
    assert found.ratio[2] == pytest.approx(2.0)


def test_the_autocorrelation_is_learned(calibration: Calibration) -> None:
    assert calibration.correlation == pytest.approx(0.98, abs=0.01)
    assert calibration.innovation == pytest.approx(math.sqrt(1 - 0.98**2), rel=0.05)


def test_a_wandering_series_raises_few_alarms(calibration: Calibration) -> None:
    limit = calibration.threshold(0.1)
    values = wandering_series(np.random.default_rng(2), 10 * 30 * DAY)
    alarmed = scan(values, calibration).ratio.reshape(-1, DAY).max(axis=1) > limit
    # One is expected in ten months; the chance of more than four is below one in 200.
    assert alarmed.sum() <= 4


def test_a_shift_of_two_deviations_is_found_where_it_begins(calibration: Calibration) -> None:
    values = wandering_series(np.random.default_rng(3), 2 * DAY)
    values[DAY:] += 2.0
    found = scan(values, calibration)
    first = int(np.argmax(found.ratio > calibration.threshold(0.1)))
    assert DAY <= first < DAY + 360
    assert abs(found.start[first] - DAY) <= 2


def test_a_spike_is_no_shift(calibration: Calibration) -> None:
    values = wandering_series(np.random.default_rng(4), 2 * DAY)
    calm = scan(values, calibration).ratio.max()
    values[DAY] += 8.0
    assert scan(values, calibration).ratio.max() < max(calm, calibration.threshold(0.1))


def test_the_p_value_at_the_threshold_is_the_rate_of_alarms(calibration: Calibration) -> None:
    limit = calibration.threshold(0.1)
    assert calibration.p_value(limit, 30 * DAY) == pytest.approx(-math.expm1(-0.1), rel=1e-6)


def test_missing_steps_tell_nothing(calibration: Calibration) -> None:
    assert scan(np.full(DAY, np.nan), calibration).ratio.max() == 0.0


@pytest.mark.parametrize(("days", "left"), [(2, 0.5), (4, 1e-9)])
def test_the_rhythm_of_the_day_is_taken_out_from_three_days_on(days: int, left: float) -> None:
    times = STEP_S * np.arange((days + 1) * DAY)
    values = 3.0 + np.sin(2 * np.pi * times / 86400.0)
    split = days * DAY
    before, after = without_rhythm(values[:split], times[:split], values[split:], times[split:])
    assert (np.abs(after).max() > left) == (days < 3)
    assert abs(before.mean()) < 1e-9
