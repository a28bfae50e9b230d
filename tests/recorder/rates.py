"""Request rates over time: one seeded series per service, a value a second.

A day is compressed to 24 minutes, so that an hour shows its rhythm more than twice; bursts, steps
and noise keep their natural speed.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
DAY_S = 24 * 60
LONGEST_S = 3 * 3600
_LOWEST, _HIGHEST = 0.15, 2.6  # times the mean


@dataclass(frozen=True, slots=True)
class RateShape:
    """How a service's rate moves around its mean; every part is optional (0: absent)."""

    mean_per_s: float
    daily: float = 0.0  # amplitude of the day's rhythm, times the mean
    phase: float = 0.0  # of the day, 0 to 1
    bursts_per_hour: float = 0.0
    burst_height: float = 1.0  # times the mean
    step_spread: float = 0.0  # standard deviation of the log of the levels held
    noise: float = 0.06  # standard deviation of the log of slow noise


def rate_series(shape: RateShape, rng: np.random.Generator, seconds: int = LONGEST_S) -> FloatArray:
    """Return the rate per second [seconds], between 0.15 and 2.6 times its mean."""
    time_s = np.arange(seconds, dtype=np.float64)
    day = 2 * np.pi * (time_s / DAY_S + shape.phase)
    level = 1.0 + shape.daily * (np.sin(day) + 0.35 * np.sin(2 * day + 0.8))
    level *= np.exp(_steps(shape.step_spread, rng, seconds))
    level *= np.exp(_slow_noise(shape.noise, rng, seconds))
    level += _bursts(shape, rng, seconds)
    level /= level.mean()
    return shape.mean_per_s * np.clip(level, _LOWEST, _HIGHEST)


def _steps(spread: float, rng: np.random.Generator, seconds: int) -> FloatArray:
    """Return levels [seconds] that hold for two to six minutes each."""
    levels = np.zeros(seconds)
    start = 0
    while start < seconds:
        end = start + int(rng.integers(120, 360))
        levels[start:end] = rng.normal(0.0, spread)
        start = end
    return levels


def _slow_noise(deviation: float, rng: np.random.Generator, seconds: int) -> FloatArray:
    """Return an AR(1) series [seconds] with a memory of 40 s and this standard deviation."""
    keep = np.exp(-1 / 40)
    shocks = rng.normal(0.0, deviation * np.sqrt(1 - keep**2), seconds)
    noise = np.zeros(seconds)
    for second in range(1, seconds):
        noise[second] = keep * noise[second - 1] + shocks[second]
    return noise


def _bursts(shape: RateShape, rng: np.random.Generator, seconds: int) -> FloatArray:
    """Return bursts [seconds], times the mean: up within seconds, decaying over a minute or two."""
    level = np.zeros(seconds)
    count = rng.poisson(shape.bursts_per_hour * seconds / 3600)
    for start in np.sort(rng.uniform(0, seconds, count)).astype(int):
        since = np.arange(seconds - start, dtype=np.float64)
        height = shape.burst_height * rng.uniform(0.5, 1.3)
        decay_s = rng.uniform(30, 110)
        level[start:] += height * np.minimum(since / 8, 1.0) * np.exp(-since / decay_s)
    return level
