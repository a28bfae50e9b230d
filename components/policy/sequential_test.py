"""A test that may be looked at after every interval, for as long as one likes.

A bettor starts with a wealth of 1 and bets each time that the next violation share x, in [0, 1], is
above (or below) a limit m. If the mean is in truth not above m, given all that came before, no bet
is favourable: wealth is a supermartingale, and by Ville's inequality it ever reaches 1 / alpha with
a probability of at most alpha. So wealth is evidence, whenever one stops to look (Waudby-Smith and
Ramdas, Estimating means of bounded random variables by betting, 2024, theorem 3):

    W_t = W_(t-1) * (1 + lambda * (x_t - m)),   0 <= lambda <= 1 / m        against mean <= m
    W_t = W_(t-1) * (1 + lambda * (m - x_t)),   0 <= lambda <= 1 / (1 - m)  against mean >= m

How much to bet depends on how large the regression is, which nobody knows: several bettors stake
different shares of the most they may, and their mean wealth is the evidence.

For watching without end, wealth below 1 is topped up to 1 before each bet (an e-detector's CUSUM:
Shin, Ramdas and Rinaldo, E-detectors, 2024): otherwise long good times would hide a later change.
Then the mean number of looks to a false alarm is at least the threshold.

All of it holds for shares whose mean given the past is the mean. A burst breaks that, for within it
the next interval is bad too; that is why intervals are taken together to blocks as long as two of
the incumbent's own bursts (see `recommender/reference.py`).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]

# Of the largest bet: from small and lasting regressions to gross ones.
SHARES = np.array([0.02, 0.05, 0.1, 0.2, 0.4, 0.8])
BETTORS = len(SHARES)


def start(*shape: int) -> FloatArray:
    """Log wealth [..., K] before the first bet."""
    return np.zeros((*shape, BETTORS))


def bet_above(log_wealth: FloatArray, x: FloatArray, limit: FloatArray) -> FloatArray:
    """Log wealth [..., K] after betting that the mean is above `limit` [...], with x [...] seen.

    0 < limit < 1. Example: limit 0.1, x 0.6, share 0.2: the bet is 0.2 / 0.1 = 2, wealth grows by
    1 + 2 * (0.6 - 0.1) = 2.
    """
    bets = SHARES / limit[..., None]
    return log_wealth + np.log1p(bets * (x - limit)[..., None])


def bet_below(log_wealth: FloatArray, x: FloatArray, limit: FloatArray) -> FloatArray:
    """Log wealth [..., K] after betting that the mean is below `limit` [...].

    Example: limit 0.2, x 0, share 0.8: the bet is 0.8 / 0.8 = 1, wealth grows by 1 + 0.2 = 1.2.
    """
    bets = SHARES / (1.0 - limit[..., None])
    return log_wealth + np.log1p(bets * (limit - x)[..., None])


def topped_up(log_wealth: FloatArray) -> FloatArray:
    """Log wealth with none below 1, for watching without end."""
    return np.maximum(log_wealth, 0.0)


def evidence(log_wealth: FloatArray) -> FloatArray:
    """The log [...] of the bettors' mean wealth; reject at log(1 / alpha)."""
    most = log_wealth.max(axis=-1)
    spread = np.exp(log_wealth - most[..., None]).mean(axis=-1)
    return np.asarray(most + np.log(spread))
