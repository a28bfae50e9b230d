"""Steps in a series that is no AR(1): means over windows, held against the history's own [T].

Real load has heavy tails, levels that wander, rhythms that change their shape. Here nothing is
taken for known but the history itself: its rhythm by medians, its spread by the MAD, what is far
out counts as no more than so many spreads, and each length of window has the deviation that its
means had in the history, however correlated. The evidence is the largest mean over all lengths in
these deviations; the law of its daily maxima, with an exponential tail, is the calibration.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from components.cluster.compiled import FloatArray
from components.drift_check.blocks import blocks
from components.drift_check.rhythm import DAY_S

BLOCK_S = 900.0
LENGTHS_S = (3600.0, 7200.0, 14400.0, 28800.0, 43200.0)
# Beyond so many spreads an excursion counts no more: long enough, it still does.
_FURTHEST = 8.0
_MAD_TO_DEVIATION = 1.4826
_LEAST_SPREAD = 0.02
# Means over windows: their deviation is told by this quantile, which incidents don't move.
_INNER, _INNER_DEVIATIONS = 0.9, 1.645
_UPPER = 0.5
# The tail's scale where a history of few days can't tell, and for how many days that counts.
_PRIOR_SCALE, _PRIOR_DAYS = 0.5, 5.0
# With all that is estimated from two weeks, an AR(1) of .98 alarmed so many times too often.
_ESTIMATED = 3.5
_WEEKLY_DAYS = 14.0
_FIRST_MONDAY_DAYS = 4  # 1 January 1970 was a Thursday.


@dataclass(frozen=True, slots=True)
class WindowScan:
    """What a history says of its blocks of BLOCK_S.

    `profile` [2, B] is the level of each block of a working day and of a day at the weekend;
    `deviations` [L] are those of the means over each length of window, in `spread`. The evidence
    of a day goes beyond x with a rate of exp((location - x) / scale).
    """

    profile: FloatArray
    spread: float
    deviations: FloatArray
    location: float
    scale: float
    only_up: bool

    def p_value(self, evidence: float, days: float) -> float:
        """Return how likely so much evidence is in so many days without a step."""
        per_day = math.exp(min((self.location - evidence) / self.scale, 50.0))
        return -math.expm1(-max(days, 1.0) * per_day)

    def return_days(self, evidence: FloatArray) -> FloatArray:
        """Return the logarithm of how many days pass until so much is seen without a step [B]."""
        return (evidence - self.location) / self.scale


@dataclass(frozen=True, slots=True)
class Windows:
    """At each block [B] the evidence, the first block of its window, and the series less rhythm."""

    evidence: FloatArray
    start: npt.NDArray[np.int64]
    rest: FloatArray


def in_blocks(values: FloatArray, step_s: float) -> FloatArray:
    """Return the medians of blocks [B] of BLOCK_S, or of a step where that is longer."""
    return blocks(values, max(1, round(BLOCK_S / step_s)))


def window_scan_of(
    history: FloatArray, time_s: FloatArray, step_s: float, only_up: bool = False
) -> WindowScan:
    """Return the scan of a history [K] of some days with its times in seconds."""
    block_s = max(BLOCK_S, step_s)
    medians = in_blocks(history, step_s)
    profile = _profile(medians, float(time_s[0]), block_s)
    rest = medians - _rhythm(profile, float(time_s[0]), len(medians), block_s)
    level = float(np.nanmedian(rest))
    spread = max(_MAD_TO_DEVIATION * float(np.nanmedian(np.abs(rest - level))), _LEAST_SPREAD)
    held = np.clip((rest - level) / spread, -_FURTHEST, _FURTHEST)
    lengths = _lengths(block_s)
    deviations = np.array([_deviation(_means(held, length), length) for length in lengths])
    unknown = WindowScan(profile + level, spread, deviations, 0.0, 1.0, only_up)
    evidence = _evidence(held, unknown, lengths)[0]
    per_day = round(DAY_S / block_s)
    days = len(evidence) // per_day
    location, scale = _tail(evidence[: days * per_day].reshape(days, per_day).max(axis=1))
    return WindowScan(profile + level, spread, deviations, location, scale, only_up)


def scan_windows(values: FloatArray, first_s: float, step_s: float, known: WindowScan) -> Windows:
    """Return the scan of recent values [R], the first at `first_s`; a missing one tells nothing."""
    block_s = max(BLOCK_S, step_s)
    medians = in_blocks(values, step_s)
    rest = medians - _rhythm(known.profile, first_s, len(medians), block_s)
    held = np.clip(rest / known.spread, -_FURTHEST, _FURTHEST)
    evidence, start = _evidence(held, known, _lengths(block_s))
    return Windows(evidence, start, rest)


def _lengths(block_s: float) -> list[int]:
    return sorted({max(1, round(length / block_s)) for length in LENGTHS_S})


def _profile(medians: FloatArray, first_s: float, block_s: float) -> FloatArray:
    """Return the median [2, B] of each block of the day, a little smoothed.

    From two weeks on, working days and the weekend have their own.
    """
    per_day = round(DAY_S / block_s)
    place, weekend = _calendar(first_s, len(medians), block_s)
    day = (int(place[0]) + np.arange(len(medians))) // per_day
    days = np.full((int(day[-1]) + 1, per_day), np.nan)
    days[day, place] = medians
    at_weekend = np.zeros(len(days), dtype=bool)
    at_weekend[day] = weekend
    weekly = len(medians) * block_s >= _WEEKLY_DAYS * DAY_S
    out = np.empty((2, per_day))
    for kind in range(2):
        chosen = days[at_weekend == bool(kind)] if weekly else days
        # A block of the day that was never measured is taken for a middling one.
        empty = ~np.isfinite(chosen).any(axis=0)
        chosen[0, empty] = np.nanmedian(medians)
        told = np.nanmedian(chosen, axis=0)
        out[kind] = 0.25 * np.roll(told, 1) + 0.5 * told + 0.25 * np.roll(told, -1)
    return out


def _calendar(
    first_s: float, count: int, block_s: float
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
    """Return each block's place in its day [B], and whether it lies in a weekend (UTC)."""
    time_s = first_s + block_s * np.arange(count)
    place = (time_s % DAY_S // block_s).astype(np.int64) % round(DAY_S / block_s)
    weekend = (time_s // DAY_S - _FIRST_MONDAY_DAYS) % 7 >= 5
    return place, weekend


def _rhythm(profile: FloatArray, first_s: float, count: int, block_s: float) -> FloatArray:
    place, weekend = _calendar(first_s, count, block_s)
    out: FloatArray = profile[weekend.astype(np.int64), place]
    return out


def _means(values: FloatArray, length: int) -> FloatArray:
    """Return the mean [B] of the last `length` values; NaN where less than half are there."""
    known = np.isfinite(values)
    summed = np.concatenate([[0.0], np.cumsum(np.where(known, values, 0.0))])
    counted = np.concatenate([[0.0], np.cumsum(known)])
    out = np.full(len(values), np.nan)
    if len(values) >= length:
        count = counted[length:] - counted[:-length]
        mean = (summed[length:] - summed[:-length]) / np.maximum(count, 1.0)
        out[length - 1 :] = np.where(count >= 0.5 * length, mean, np.nan)
    return out


def _deviation(means: FloatArray, length: int) -> float:
    present = np.abs(means[np.isfinite(means)])
    told = float(np.quantile(present, _INNER)) / _INNER_DEVIATIONS if present.size else 1.0
    return max(told, 0.05 / math.sqrt(length))


def _evidence(
    held: FloatArray, known: WindowScan, lengths: list[int]
) -> tuple[FloatArray, npt.NDArray[np.int64]]:
    """Return the largest mean over the lengths in its deviation [B], and where it begins [B]."""
    means = np.stack([_means(held, length) for length in lengths])
    scaled = means / known.deviations[:, np.newaxis]
    scaled = np.where(np.isfinite(scaled), scaled if known.only_up else np.abs(scaled), 0.0)
    longest = scaled.argmax(axis=0)
    start = np.arange(len(held)) - np.array(lengths)[longest] + 1
    evidence: FloatArray = np.maximum(scaled.max(axis=0), 0.0)
    return evidence, np.maximum(start, 0)


def _tail(largest: FloatArray) -> tuple[float, float]:
    """Return location and scale of the law of the days' largest evidence, from its upper half."""
    edge = float(np.quantile(largest, _UPPER))
    excesses = largest[largest > edge] - edge
    weight = len(excesses) + _PRIOR_DAYS
    scale = (float(excesses.sum()) + _PRIOR_SCALE * _PRIOR_DAYS) / weight
    return edge + scale * math.log(-math.log(_UPPER) * _ESTIMATED), scale
