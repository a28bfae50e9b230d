"""Quantiles and tails of the distributions that latencies are summed from, in closed form.

A gamma variable's are by Wilson and Hilferty (1931): its cube root is nearly normal.
"""

from __future__ import annotations

import math

from components.cluster.compiled import compiled

_TINY = 1e-9


@compiled
def normal_quantile(probability: float) -> float:
    """The normal quantile of a probability, error below 4.5e-4 (Abramowitz and Stegun 26.2.23)."""
    upper = 1.0 - probability
    mirrored = upper > 0.5
    tail = min(max(1.0 - upper if mirrored else upper, 1e-12), 0.5)
    t = math.sqrt(-2.0 * math.log(tail))
    top = 2.515517 + t * (0.802853 + t * 0.010328)
    bottom = 1.0 + t * (1.432788 + t * (0.189269 + t * 0.001308))
    z = t - top / bottom
    return -z if mirrored else z


@compiled
def gamma_quantile(mean: float, variance: float, z: float) -> float:
    """Quantile of a gamma variable at the normal quantile z (Wilson and Hilferty)."""
    spread = math.sqrt(variance) / (3.0 * max(mean, _TINY))
    # Beyond a shape of 1/6 more variance would lower the tail; the floor keeps it monotone.
    spread = min(spread, 0.816)
    root = max(1.0 - spread * spread + z * spread, 0.05)
    return mean * root * root * root


@compiled
def gamma_tail(mean: float, variance: float, value: float) -> float:
    """P(X > value) of a gamma variable (Wilson and Hilferty, inverted)."""
    spread = min(max(math.sqrt(variance) / (3.0 * max(mean, _TINY)), _TINY), 0.816)
    z = ((max(value, 0.0) / max(mean, _TINY)) ** (1.0 / 3.0) - 1.0 + spread * spread) / spread
    return 0.5 * math.erfc(z / math.sqrt(2.0))


@compiled
def sum_of_gammas(
    mean: float, variance: float, other_mean: float, other_variance: float
) -> tuple[float, float, float]:
    """(shift, mean, variance) of a shifted gamma with a sum's first three cumulants.

    The summands are independent gammas; of a gamma the third cumulant is 2 variance^2 / mean, and
    cumulants add. A constant summand (variance 0) becomes the shift.
    """
    both = variance + other_variance
    third = variance * variance / mean + other_variance * other_variance / other_mean
    if third <= 0.0:
        return mean + other_mean, 0.0, 0.0
    around = both * both / third
    return mean + other_mean - around, around, both
