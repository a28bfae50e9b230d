"""Request rates that may follow a recording: its rhythm, at levels that it didn't show."""

from __future__ import annotations

import numpy as np

from components.cluster.compiled import FloatArray
from components.cluster.rates import resampled_rates


def likely_rates(
    rng: np.random.Generator,
    measured: FloatArray,
    traces: int,
    steps: int,
    level_spread: float,
) -> FloatArray:
    """Rates [traces, steps] strung together from blocks of measured [T0], each at its own level.

    An hour doesn't tell a day: each trace is scaled by exp(level_spread * z), z standard normal.

    Raises UserError when nothing was measured.
    """
    levels = np.exp(level_spread * rng.standard_normal((traces, 1)))
    rates: FloatArray = levels * resampled_rates(rng, measured, traces, steps)
    return rates
