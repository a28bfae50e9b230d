"""Has a level shifted by more than a trivial amount? A t test on blocks, calibrated on history."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy import stats

from components.cluster.compiled import FloatArray
from components.drift_check.blocks import lag_one_correlation, variance_freedom, without_outliers

FEWEST_REFERENCE_BLOCKS = 6
FEWEST_RECENT_BLOCKS = 3
# Measurements this alike can't be told from rounding.
_LEAST_DEVIATION = 0.01
_CONFIDENCE = 0.95


@dataclass(frozen=True, slots=True)
class Shift:
    """A difference of levels, in the blocks' own scale, with its 95 % interval and its test.

    `p_value` is of the hypothesis that the difference is within the floor; `since` the index of
    the recent block from which the shift holds (most likely).
    """

    size: float
    low: float
    high: float
    statistic: float
    p_value: float
    since: int


@dataclass(frozen=True, slots=True)
class Level:
    """A mean with its standard error and the degrees of freedom of that error."""

    mean: float
    error: float
    freedom: float


def level_of(values: FloatArray, correlation: float) -> Level:
    """Return the level of blocks [K] whose neighbours are so correlated.

    The error is that of independent blocks: `wandering` says by how much more levels differ.
    """
    kept = without_outliers(values[np.isfinite(values)])
    deviation = max(float(np.std(kept, ddof=1)) if kept.size > 1 else 0.0, _LEAST_DEVIATION)
    return Level(
        mean=float(np.mean(kept)),
        error=deviation / np.sqrt(kept.size),
        freedom=variance_freedom(kept.size, correlation),
    )


def wandering(reference: FloatArray, length: int) -> float:
    """Return by how much stretches of the reference differ more than independent blocks would.

    Each stretch of `length` blocks is compared with the rest, as recent blocks will be; the root
    mean square of the differences over their standard errors is about 1 for independent blocks,
    and more for correlated ones, for rhythms and for slow movements. Never below 1.
    """
    kept = without_outliers(reference)
    length = max(1, min(length, len(kept) // 2))
    powers = np.stack([np.isfinite(kept), np.nan_to_num(kept), np.nan_to_num(kept) ** 2])
    inside = np.lib.stride_tricks.sliding_window_view(powers, length, axis=1).sum(axis=2)
    outside = powers.sum(axis=1, keepdims=True) - inside
    told = (inside[0] >= 2) & (outside[0] >= 2)
    if not told.any():
        return 1.0
    first, first_square = _means(inside[:, told])
    second, second_square = _means(outside[:, told])
    scores = (first - second) ** 2 / (first_square + second_square)
    return max(1.0, float(np.sqrt(scores.mean())))


def _means(powers: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return means and their squared errors [S] from counts, sums, sums of squares [3, S]."""
    count, total, squares = powers
    mean = total / count
    variance = (squares - count * mean**2) / (count - 1.0)
    return mean, np.maximum(variance, _LEAST_DEVIATION**2) / count


def shift_between(reference: FloatArray, recent: FloatArray, floor: float) -> Shift | None:
    """Return the shift from reference [K] to recent blocks [R]; None where either is too short.

    The difference d of the recent blocks, or of a tail of them, is tested against |d| <= floor (a
    minimum-effect test): t = (|d| - floor) / its error. Autocorrelation counts twice: in the
    error, by how much stretches of the reference itself differ, and in the degrees of freedom, by
    how little correlated blocks tell of that.
    """
    if (
        np.isfinite(reference).sum() < FEWEST_REFERENCE_BLOCKS
        or np.isfinite(recent).sum() < FEWEST_RECENT_BLOCKS
    ):
        return None
    correlation = lag_one_correlation(reference)
    before = level_of(reference, correlation)
    tails = [recent[start:] for start in _starts(recent)]
    found = [_tail_shift(before, reference, tail, correlation, floor) for tail in tails]
    surest = min(found, key=lambda shift: shift.p_value)
    return replace(
        surest,
        p_value=min(1.0, len(found) * surest.p_value),
        since=first_shifted(recent - before.mean),
    )


def _starts(recent: FloatArray) -> list[int]:
    """Return where a shift may have begun: at once, half way or after three quarters.

    A shift that came late is hidden in the mean of all recent blocks. Only tails with enough
    blocks count.
    """
    length = len(recent)
    return [
        start
        for start in sorted({0, length // 2, 3 * length // 4})
        if np.isfinite(recent[start:]).sum() >= FEWEST_RECENT_BLOCKS
    ]


def _tail_shift(
    before: Level, reference: FloatArray, tail: FloatArray, correlation: float, floor: float
) -> Shift:
    after = level_of(tail, correlation)
    # A few blocks may lie close together by chance, or because one size was held for all of them:
    # they tell no more of their level than as many of the reference do.
    usual = before.error * np.sqrt(np.isfinite(reference).sum() / np.isfinite(tail).sum())
    calibration = wandering(reference, len(tail))
    return minimum_effect(
        difference=after.mean - before.mean,
        error=calibration * float(np.hypot(before.error, max(after.error, usual))),
        freedom=before.freedom + after.freedom,
        floor=floor,
        since=0,
    )


def minimum_effect(
    difference: float, error: float, freedom: float, floor: float, since: int
) -> Shift:
    """Return the minimum-effect t test of a difference with its standard error."""
    statistic = (abs(difference) - floor) / error
    far = (abs(difference) + floor) / error
    p_value = float(stats.t.sf(statistic, freedom) + stats.t.sf(far, freedom))
    reach = error * float(stats.t.ppf(0.5 + _CONFIDENCE / 2, freedom))
    return Shift(
        size=difference,
        low=difference - reach,
        high=difference + reach,
        statistic=statistic,
        p_value=min(p_value, 1.0),
        since=since,
    )


def first_shifted(difference: FloatArray) -> int:
    """Return the block [R] from which one constant shift explains the differences best.

    Least squares with zero before and a free mean after: the gain of a start k is
    (R - k) * mean(difference[k:])^2.
    """
    present = np.flatnonzero(np.isfinite(difference))
    values = difference[present]
    counts = np.arange(len(values), 0, -1)
    tails = np.cumsum(values[::-1])[::-1]
    return int(present[int(np.argmax(tails**2 / counts))])
