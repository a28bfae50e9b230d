"""The rhythm of day and week in a measure, learned from its history and taken out (pure)."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from components.cluster.compiled import FloatArray

DAY_S = 86400.0
_DAYS_FOR_DAILY = 3.0
_DAYS_FOR_WEEKLY = 14.0
_DAILY_HARMONICS = 4
_WEEKLY_HARMONICS = 3


def without_rhythm(
    reference: FloatArray,
    reference_s: npt.NDArray[np.float64],
    recent: FloatArray,
    recent_s: npt.NDArray[np.float64],
) -> tuple[FloatArray, FloatArray]:
    """Return both series [K], [R] less the reference's level and rhythm; times in seconds.

    Least squares on sines of the day, from three days of history on, and of the week, from two
    weeks on. A shorter history has no rhythm that could be told from a shift: its mean is taken.
    """
    days = (reference_s[-1] - reference_s[0]) / DAY_S
    present = np.isfinite(reference)
    weights, *_ = np.linalg.lstsq(
        _waves(reference_s[present], days), reference[present], rcond=None
    )
    return (
        reference - _waves(reference_s, days) @ weights,
        recent - _waves(recent_s, days) @ weights,
    )


def _waves(time_s: npt.NDArray[np.float64], days: float) -> FloatArray:
    """Return the regressors [T, H] that a history of so many days can bear."""
    per_day: list[float] = []
    if days >= _DAYS_FOR_DAILY:
        per_day += [float(number) for number in range(1, _DAILY_HARMONICS + 1)]
    if days >= _DAYS_FOR_WEEKLY:
        per_day += [number / 7.0 for number in range(1, _WEEKLY_HARMONICS + 1)]
    angles = 2.0 * np.pi * (time_s[:, np.newaxis] / DAY_S) * np.array(per_day)
    return np.hstack([np.ones((len(time_s), 1)), np.sin(angles), np.cos(angles)])
