"""Autocorrelated series as blocks that are nearly independent, and how many they are worth."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from components.cluster.compiled import FloatArray

# A shorter series says nothing of its own correlation.
_FEWEST_PAIRS = 6
_MOST_CORRELATED = 0.9
_OUTLIER_DEVIATIONS = 3.0
_MAD_TO_DEVIATION = 1.4826


def blocks(
    values: FloatArray, steps: int, summary: Callable[[FloatArray], float] = np.median
) -> FloatArray:
    """Return the summary of each block of `steps` values [T]: [ceil(T / steps)].

    Missing values are left out; a block of which more than half is missing is NaN.
    """
    count = -(-len(values) // steps)
    out = np.full(count, np.nan)
    for index in range(count):
        block = values[index * steps : (index + 1) * steps]
        present = block[np.isfinite(block)]
        if present.size * 2 >= steps:
            out[index] = summary(present)
    return out


def without_outliers(values: FloatArray) -> FloatArray:
    """Return the present values [K], each at most three deviations (by the MAD) from the median.

    An incident is one or two blocks of many; it must neither hide nor feign a shift of the rest.
    """
    present = values[np.isfinite(values)]
    if present.size == 0:
        return present
    median = float(np.median(present))
    deviation = _MAD_TO_DEVIATION * float(np.median(np.abs(present - median)))
    if deviation == 0.0:
        return present
    reach = _OUTLIER_DEVIATIONS * deviation
    return np.clip(present, median - reach, median + reach)


def lag_one_correlation(values: FloatArray) -> float:
    """Return the lag-1 autocorrelation of the blocks [K], corrected for its bias, 0 to 0.9.

    The estimate from n values is too low by about (1 + 3 rho) / n (Kendall 1954; Marriott and
    Pope 1954).
    """
    pairs = np.isfinite(values[:-1]) & np.isfinite(values[1:])
    count = int(pairs.sum())
    if count < _FEWEST_PAIRS:
        return 0.0
    centred = values - np.nanmean(values)
    variance = float(np.nanmean(centred**2))
    if variance <= 0.0:
        return 0.0
    estimate = float(np.mean(centred[:-1][pairs] * centred[1:][pairs])) / variance
    corrected = (count * estimate + 1.0) / (count - 3.0)
    return float(np.clip(corrected, 0.0, _MOST_CORRELATED))


def effective_count(count: int, correlation: float) -> float:
    """Return how many independent values `count` of an AR(1) series are worth, at least 1.

    The variance of the mean of n correlated values is sigma^2 / n * (1 + rho) / (1 - rho).
    """
    return max(1.0, count * (1.0 - correlation) / (1.0 + correlation))
