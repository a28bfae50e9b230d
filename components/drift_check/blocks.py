"""Autocorrelated series as blocks, and how much the blocks tell of their own variance."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from components.cluster.compiled import FloatArray

# Sizes that change every few minutes leave fewer settled steps than that.
LEAST_PRESENT = 0.3
# A shorter series says nothing of its own correlation.
_FEWEST_PAIRS = 6
_MOST_CORRELATED = 0.9
_OUTLIER_DEVIATIONS = 3.0
_MAD_TO_DEVIATION = 1.4826


def blocks(
    values: FloatArray, steps: int, summary: Callable[[FloatArray], float] = np.median
) -> FloatArray:
    """Return the summary of each block of `steps` values [T]: [ceil(T / steps)].

    Missing values are left out; a block with too few (LEAST_PRESENT) is NaN.
    """
    count = -(-len(values) // steps)
    out = np.full(count, np.nan)
    for index in range(count):
        block = values[index * steps : (index + 1) * steps]
        present = block[np.isfinite(block)]
        if present.size >= LEAST_PRESENT * steps:
            out[index] = summary(present)
    return out


def without_outliers(values: FloatArray) -> FloatArray:
    """Return the values [K], each at most three deviations (by the MAD) from their median.

    An incident is one or two blocks of many; it must neither hide nor feign a shift of the rest.
    Missing ones stay missing.
    """
    present = values[np.isfinite(values)]
    if present.size == 0:
        return values
    median = float(np.median(present))
    reach = _OUTLIER_DEVIATIONS * _MAD_TO_DEVIATION * float(np.median(np.abs(present - median)))
    return np.clip(values, median - reach, median + reach) if reach > 0.0 else values


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


def variance_freedom(count: int, correlation: float) -> float:
    """Return the degrees of freedom of the variance of `count` values of an AR(1), at least 1.

    The variance of n correlated values is as uncertain as that of n (1 - rho^2) / (1 + rho^2)
    independent ones (Bartlett 1935); one is taken by the mean.
    """
    squared = correlation * correlation
    return max(1.0, count * (1.0 - squared) / (1.0 + squared) - 1.0)
