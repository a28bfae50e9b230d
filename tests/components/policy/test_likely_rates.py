import numpy as np
import pytest

from components.errors import UserError
from components.policy.likely_rates import likely_rates

MEASURED = 10.0 + np.sin(np.arange(200.0))


def test_the_levels_spread_as_asked_by_their_logarithm() -> None:
    """The resampling's own factor exp(.1 u), u uniform in -1..1, adds .1^2 / 3 of variance."""
    traces = likely_rates(np.random.default_rng(1), MEASURED, 2000, 16, 0.3)
    logs = np.log(traces.mean(axis=1) / 10.0)
    assert logs.mean() == pytest.approx(0.0, abs=0.03)
    assert logs.std() == pytest.approx(np.sqrt(0.3**2 + 0.1**2 / 3.0), abs=0.03)


def test_without_spread_a_trace_stays_within_what_resampling_does() -> None:
    traces = likely_rates(np.random.default_rng(1), MEASURED, 50, 40, 0.0)
    assert traces.shape == (50, 40)
    assert traces.min() >= 9.0 * np.exp(-0.1) - 1e-9
    assert traces.max() <= 11.0 * np.exp(0.1) + 1e-9


def test_a_recording_without_rates_is_refused() -> None:
    with pytest.raises(UserError, match="no value"):
        likely_rates(np.random.default_rng(0), np.full(8, np.nan), 2, 8, 0.3)
