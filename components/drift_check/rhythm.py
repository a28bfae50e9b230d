"""The rhythm of day and week in a measure, learned from its history and taken out (pure)."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from components.cluster.compiled import FloatArray

DAY_S = 86400.0
_DAYS_FOR_DAILY = 3.0
_DAYS_FOR_WEEKLY = 14.0
_DAILY_HARMONICS = 4
_WEEKLY_HARMONICS = 3
# A wave that the series' own wandering would feign in one of a hundred histories is left out: each
# that is kept without need adds its error to every level.
_FEIGNED = 0.01


@dataclass(frozen=True, slots=True)
class Rhythm:
    """A level and waves: `per_day` [H] cycles a day, `weights` [1 + 2 H] level, sines, cosines.

    `errors` [H] are the standard errors of each wave's two weights.
    """

    per_day: FloatArray
    weights: FloatArray
    errors: FloatArray

    def at(self, time_s: npt.NDArray[np.float64]) -> FloatArray:
        """Return the rhythm [T] at times in seconds since 1970."""
        out: FloatArray = _waves(time_s, self.per_day) @ self.weights
        return out


def rhythm_of(values: FloatArray, time_s: npt.NDArray[np.float64]) -> Rhythm:
    """Return the rhythm of a history [K] with its times in seconds.

    Least squares on sines of the day, from three days of history on, and of the week, from two
    weeks on; then those waves alone that stand out of what an AR(1) of the same correlation shows
    at their frequency: a wave's weights have the variance 2 S / n there (S the spectrum, n the
    number of values), so that n / (2 S) times its squared amplitude is chi squared, two degrees.
    A shorter history has no rhythm that could be told from a shift: its mean is taken.
    """
    days = (time_s[-1] - time_s[0]) / DAY_S
    present = np.isfinite(values)
    told, when = values[present], time_s[present]
    per_day = _bearable(days)
    if per_day.size == 0 or told.size == 0:
        return Rhythm(per_day[:0], np.array([float(np.mean(told)) if told.size else 0.0]), per_day)
    weights = _fitted(told, when, per_day)
    rest = values - _waves(time_s, per_day) @ weights
    errors = np.sqrt(2.0 * _spectrum(rest, per_day, (time_s[-1] - time_s[0]) / (len(time_s) - 1)))
    errors = errors / math.sqrt(len(told))
    sines, cosines = weights[1 : 1 + len(per_day)], weights[1 + len(per_day) :]
    kept = sines**2 + cosines**2 > -2.0 * math.log(_FEIGNED) * errors**2
    return Rhythm(per_day[kept], _fitted(told, when, per_day[kept]), errors[kept])


def _bearable(days: float) -> FloatArray:
    """Return the frequencies, in cycles a day, that a history of so many days can bear."""
    per_day: list[float] = []
    if days >= _DAYS_FOR_DAILY:
        per_day += [float(number) for number in range(1, _DAILY_HARMONICS + 1)]
    if days >= _DAYS_FOR_WEEKLY:
        per_day += [number / 7.0 for number in range(1, _WEEKLY_HARMONICS + 1)]
    return np.array(per_day)


def _fitted(values: FloatArray, time_s: npt.NDArray[np.float64], per_day: FloatArray) -> FloatArray:
    weights, *_ = np.linalg.lstsq(_waves(time_s, per_day), values, rcond=None)
    return np.asarray(weights, dtype=np.float64)


def _spectrum(values: FloatArray, per_day: FloatArray, step_s: float) -> FloatArray:
    """Return the spectrum [H] of the AR(1) that the values [K] are taken for."""
    first, second = values[:-1], values[1:]
    known = np.isfinite(first) & np.isfinite(second)
    power = float(first[known] @ first[known])
    correlation = min(float(first[known] @ second[known]) / power, 0.9999) if power > 0.0 else 0.0
    innovation = float(np.mean((second[known] - correlation * first[known]) ** 2))
    turns = np.exp(-2j * np.pi * per_day * step_s / DAY_S)
    return np.asarray(innovation / np.abs(1.0 - correlation * turns) ** 2, dtype=np.float64)


def _waves(time_s: npt.NDArray[np.float64], per_day: FloatArray) -> FloatArray:
    """Return the regressors [T, 1 + 2 H]."""
    angles = 2.0 * np.pi * (time_s[:, np.newaxis] / DAY_S) * per_day
    return np.hstack([np.ones((len(time_s), 1)), np.sin(angles), np.cos(angles)])
