"""The scan and its calibration on series whose shift is known."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from scipy import signal, stats

from components.artifacts.local import LocalStore
from components.drift_check import calibrations as known
from components.drift_check.calibration import Calibration, calibrate
from components.drift_check.innovations import GRID, log_density, shift_ratio
from components.drift_check.rhythm import Rhythm, rhythm_of
from components.drift_check.scan import Model, scan
from components.drift_check.window_scan import scan_windows
from components.errors import UserError

STEP_S = 60.0
DAY = 1440
NO_RHYTHM = Rhythm(np.array([]), np.array([0.0]), np.array([]))


def wandering_series(rng: np.random.Generator, steps: int, phi: float = 0.98) -> np.ndarray:
    innovations = rng.standard_normal(steps) * math.sqrt(1.0 - phi * phi)
    innovations[0] = rng.standard_normal()
    return signal.lfilter([1.0], [1.0, -phi], innovations)


@pytest.fixture(scope="module")
def calibration() -> Calibration:
    rng = np.random.default_rng(1)
    return calibrate(wandering_series(rng, 14 * DAY), NO_RHYTHM, STEP_S, rng)


def normal_model(step_s: float) -> Model:
    """Correlation one half, normal innovations of deviation 1, a step of one deviation upwards."""
    law = stats.norm.logpdf(GRID)
    return Model(0.5, 1.0, 1.0, step_s, np.array([1.0]), law, np.array([0.0]))


def test_the_evidence_of_a_step_is_the_sum_of_its_onsets_likelihood_ratios() -> None:
    # A step counts at once where one is half an hour. Innovations: none, 0, 2, 1.
    found = scan(np.array([0.0, 0.0, 2.0, 2.0]), normal_model(1800.0))
    # A shift m of an innovation e is m e - m^2 / 2 nats: m = 1 at the onset, .5 after it.
    expected = [
        1.0 * 0.0 - 0.5 + (-0.125 + 0.875 + 0.375),  # from the level 0 of the first value on
        -0.5 + 0.875 + 0.375,
        1.5 + 0.375,
        0.5,
    ]
    assert found.evidence[3] == pytest.approx(np.logaddexp.reduce(expected), abs=1e-3)
    assert found.start[3] == 2


def test_told_onsets_share_the_evidence_of_no_other() -> None:
    values = np.array([0.0, 0.0, 2.0, 2.0])
    found = scan(values, normal_model(1800.0), onsets=(2, 3))
    assert found.evidence[3] == pytest.approx(np.logaddexp(1.875, 0.5) - math.log(2.0), abs=1e-3)
    assert found.evidence[1] < -100.0


def test_the_law_of_normal_innovations_is_learned() -> None:
    law = log_density(np.random.default_rng(5).standard_normal(80_000))
    for shift in (0.1, 3.0):
        ratio = shift_ratio(law, shift)
        at = np.searchsorted(GRID, [-1.0, 0.0, 2.0])
        exact = shift * GRID[at] - shift * shift / 2.0
        assert ratio[at] == pytest.approx(exact, abs=0.15 * max(shift, 1.0))


def test_a_skewed_law_tells_more_of_a_small_shift_than_a_normal_one() -> None:
    rng = np.random.default_rng(5)
    # The Fisher information of a gamma law of shape 4 in units of its deviation is 2.
    skewed = (rng.gamma(4.0, size=80_000) - 4.0) / 2.0
    for innovations, information in ((skewed, 2.0), (rng.standard_normal(80_000), 1.0)):
        ratio = np.interp(innovations, GRID, shift_ratio(log_density(innovations), 0.05))
        assert np.var(ratio) / 0.05**2 == pytest.approx(information, rel=0.25)


def test_the_autocorrelation_is_learned(calibration: Calibration) -> None:
    assert calibration.model.correlation == pytest.approx(0.98, abs=0.01)
    assert calibration.model.innovation == pytest.approx(math.sqrt(1 - 0.98**2), rel=0.05)


def test_a_wandering_series_raises_few_alarms(calibration: Calibration) -> None:
    limit = calibration.threshold(0.1)
    values = wandering_series(np.random.default_rng(2), 10 * 30 * DAY)
    alarmed = scan(values, calibration.model).evidence.reshape(-1, DAY).max(axis=1) > limit
    # One is expected in ten months; the chance of more than four is below one in 200.
    assert alarmed.sum() <= 4


def test_a_short_history_asks_for_more_evidence(calibration: Calibration) -> None:
    rng = np.random.default_rng(9)
    short = calibrate(wandering_series(rng, 3 * DAY), NO_RHYTHM, STEP_S, rng)
    assert short.threshold(0.1) > calibration.threshold(0.1) + 1.0


def test_a_shift_of_two_deviations_is_found_where_it_begins(calibration: Calibration) -> None:
    values = wandering_series(np.random.default_rng(3), 2 * DAY)
    values[DAY:] += 2.0
    found = scan(values, calibration.model)
    first = int(np.argmax(found.evidence > calibration.threshold(0.1)))
    assert DAY <= first < DAY + 360
    assert abs(found.start[first] - DAY) <= 2


def test_a_level_that_was_another_from_the_first_value_on_is_found(
    calibration: Calibration,
) -> None:
    values = wandering_series(np.random.default_rng(3), 2 * DAY) + 3.0
    found = scan(values, calibration.model)
    assert found.evidence.max() > calibration.threshold(0.1)
    assert found.start[int(np.argmax(found.evidence))] == 0


def test_a_shift_within_a_gap_is_found_after_it(calibration: Calibration) -> None:
    values = wandering_series(np.random.default_rng(3), 2 * DAY)
    values[DAY:] += 3.0
    values[DAY - 30 : DAY + 30] = np.nan
    found = scan(values, calibration.model)
    assert found.evidence.max() > calibration.threshold(0.1)
    assert found.start[int(np.argmax(found.evidence))] == DAY + 30


def test_an_event_that_is_told_needs_less_evidence(calibration: Calibration) -> None:
    values = wandering_series(np.random.default_rng(11), 2 * DAY)
    values[DAY:] += 1.0
    untold = calibration.p_value(float(scan(values, calibration.model).evidence.max()), 2 * DAY)
    told = scan(values, calibration.model, onsets=(DAY, DAY + 10)).evidence.max()
    assert calibration.p_value_told(float(told)) < untold / 10.0


def test_a_spike_is_no_shift(calibration: Calibration) -> None:
    values = wandering_series(np.random.default_rng(4), 2 * DAY)
    calm = scan(values, calibration.model).evidence.max()
    values[DAY] += 8.0
    spiked = scan(values, calibration.model).evidence.max()
    assert spiked < max(calm, calibration.threshold(0.1))


def test_the_p_value_at_the_threshold_is_the_rate_of_alarms(calibration: Calibration) -> None:
    limit = calibration.threshold(0.1)
    assert calibration.p_value(limit, 30 * DAY) == pytest.approx(-math.expm1(-0.1), rel=1e-6)


def test_missing_steps_tell_nothing(calibration: Calibration) -> None:
    assert scan(np.full(DAY, np.nan), calibration.model).evidence.max() < -100.0


def test_a_history_that_never_moves_can_be_calibrated() -> None:
    still = calibrate(np.zeros(3 * DAY), NO_RHYTHM, STEP_S, np.random.default_rng(0))
    assert scan(np.zeros(DAY), still.model).evidence.max() < still.threshold(0.1)


def test_a_history_is_learned_once(tmp_path: Path) -> None:
    history = wandering_series(np.random.default_rng(6), 7 * DAY + 1)
    time_s = STEP_S * np.arange(len(history))
    first = known.Calibrations()
    made = first.of(history, time_s, STEP_S)
    assert first.of(history, time_s, STEP_S) is made
    store = LocalStore(tmp_path)
    known.write_calibrations(first, store, "shop/checkout")
    assert known.read_calibrations(store, "shop/cart").known == {}
    later = known.read_calibrations(store, "shop/checkout")
    (kept,) = later.known.values()
    values = wandering_series(np.random.default_rng(7), DAY)
    assert later.of(history, time_s, STEP_S) is kept
    assert kept.calibration is not None
    assert made.calibration is not None
    assert kept.calibration.location == made.calibration.location
    found = [scan(values, one.model).evidence for one in (kept.calibration, made.calibration)]
    assert (found[0] == found[1]).all()
    windows = [scan_windows(values, 0.0, STEP_S, one.windows).evidence for one in (kept, made)]
    assert (windows[0] == windows[1]).all()
    assert len(later.known) == 1


def test_another_file_in_its_place_is_told(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    store.write_once("calibrations/shop/checkout.json", b'{"a": {"sizes": []}}')
    with pytest.raises(UserError, match="delete it"):
        known.read_calibrations(store, "shop/checkout")


@pytest.mark.parametrize(("days", "left"), [(2, 0.5), (4, 1e-9)])
def test_the_rhythm_of_the_day_is_taken_out_from_three_days_on(days: int, left: float) -> None:
    times = STEP_S * np.arange((days + 1) * DAY)
    values = 3.0 + np.sin(2 * np.pi * times / 86400.0)
    split = days * DAY
    rhythm = rhythm_of(values[:split], times[:split])
    assert (np.abs(values[split:] - rhythm.at(times[split:])).max() > left) == (days < 3)
    assert abs((values[:split] - rhythm.at(times[:split])).mean()) < 1e-9


def test_waves_that_wandering_feigns_are_left_out_and_a_true_one_is_kept() -> None:
    times = STEP_S * np.arange(14 * DAY)
    rng = np.random.default_rng(8)
    wandering = wandering_series(rng, 14 * DAY)
    assert rhythm_of(wandering, times).per_day.size <= 1
    kept = rhythm_of(wandering + np.cos(2 * np.pi * times / 86400.0), times)
    assert 1.0 in kept.per_day
    (error,) = kept.errors[kept.per_day == 1.0]
    # Spectrum at this frequency (1 - phi^2) / |1 - phi e^(-i w)|^2, times 2 / n, its root.
    turn = abs(1.0 - 0.98 * np.exp(-2j * np.pi / DAY))
    assert error == pytest.approx(math.sqrt(2.0 * (1 - 0.98**2) / 14 / DAY) / turn, rel=0.1)
