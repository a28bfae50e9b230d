"""Request rates to learn and to be judged on: generated, or resampled from a measured series."""

from __future__ import annotations

import numpy as np

from components.cluster.compiled import FloatArray
from components.errors import UserError

STEPS_PER_HOUR = 240
_HIGHEST = 4.0
_NEIGHBOURS = 8


def synthetic_rates(
    rng: np.random.Generator, batch: int, steps: int, mean_per_s: FloatArray
) -> FloatArray:
    """Rates [batch, steps] per second at 15 s, each row with its own mean of mean_per_s [batch].

    A row is the product of a wave (a day, often shortened as load tests do), autocorrelated
    noise, bursts, and by chance a flash crowd, a level shift, a ramp or an idle night. Nothing
    exceeds four times the mean.
    """
    shape = np.stack([_one_shape(rng, steps) for _ in range(batch)])
    for _ in range(3):
        shape /= shape.mean(axis=1, keepdims=True)
        np.minimum(shape, _HIGHEST, out=shape)
    rates: FloatArray = shape * np.asarray(mean_per_s, dtype=np.float64)[:, None]
    return rates


def _one_shape(rng: np.random.Generator, steps: int) -> FloatArray:
    time = np.arange(steps, dtype=np.float64)
    shape = _wave(rng, time) * _noise(rng, steps) * _bursts(rng, time)
    chance = rng.random(4)
    if chance[0] < 0.15:
        shape *= _flash_crowd(rng, time)
    if chance[1] < 0.2:
        shape *= np.where(time < rng.uniform(0.1, 0.9) * steps, 1.0, rng.choice([0.5, 0.7, 1.5, 2]))
    if chance[2] < 0.2:
        shape *= np.interp(time, [0.0, steps - 1.0], [1.0, np.exp(rng.uniform(-0.9, 0.9))])
    if chance[3] < 0.1:
        start = rng.uniform(0.0, 0.8) * steps
        night = (time >= start) & (time < start + rng.uniform(0.1, 0.4) * steps)
        shape *= np.where(night, rng.uniform(0.02, 0.15), 1.0)
    return np.maximum(shape, 1e-3)


def _wave(rng: np.random.Generator, time: FloatArray) -> FloatArray:
    period = STEPS_PER_HOUR * np.exp(rng.uniform(np.log(0.5), np.log(24.0)))
    amplitude = rng.uniform(0.0, 0.65)
    phase = rng.uniform(0.0, 2.0 * np.pi)
    wave: FloatArray = 1.0 + amplitude * np.sin(2.0 * np.pi * time / period + phase)
    return wave


def _noise(rng: np.random.Generator, steps: int) -> FloatArray:
    """Log-normal AR(1) noise."""
    persistence = rng.uniform(0.8, 0.99)
    deviation = np.exp(rng.uniform(np.log(0.02), np.log(0.2)))
    draws = rng.standard_normal(steps) * deviation * np.sqrt(1.0 - persistence**2)
    level = rng.standard_normal() * deviation
    logs = np.empty(steps)
    for step in range(steps):
        level = persistence * level + draws[step]
        logs[step] = level
    return np.exp(logs)


def _bursts(rng: np.random.Generator, time: FloatArray) -> FloatArray:
    shape = np.ones_like(time)
    for _ in range(rng.poisson(len(time) / STEPS_PER_HOUR * rng.uniform(0.0, 4.0))):
        start = rng.uniform(0.0, len(time))
        length = rng.uniform(2.0, 20.0)
        inside = (time >= start) & (time < start + length)
        shape *= np.where(inside, rng.uniform(1.2, 2.5), 1.0)
    return shape


def _flash_crowd(rng: np.random.Generator, time: FloatArray) -> FloatArray:
    start = rng.uniform(0.1, 0.9) * len(time)
    rise = np.clip((time - start) / rng.uniform(2.0, 12.0), 0.0, 1.0)
    fall = np.exp(-np.maximum(time - start, 0.0) / rng.uniform(10.0, 80.0))
    return 1.0 + rng.uniform(1.0, 3.0) * rise * fall


def resampled_rates(
    rng: np.random.Generator, rates: FloatArray, traces: int, steps: int
) -> FloatArray:
    """Rates [traces, steps] like the measured series rates [T0] (NaN = missing).

    Blocks of 4 to 12 minutes are strung together; each block begins at one of the places of the
    series whose value is nearest to where the last block ended (matched-block bootstrap, Carlstein
    et al., Bernoulli 1998), so that levels and autocorrelation are kept. Each trace is scaled by
    up to about 10 %. Raises UserError when nothing was measured.
    """
    series = filled(rates)
    count = len(series)
    result = np.empty((traces, steps))
    for trace in range(traces):
        position = int(rng.integers(count))
        written = 0
        while written < steps:
            length = min(int(rng.integers(16, 49)), count - position, steps - written)
            result[trace, written : written + length] = series[position : position + length]
            written += length
            last = series[position + length - 1]
            nearest = np.argsort(np.abs(series[: max(count - 8, 1)] - last), kind="stable")
            position = int(rng.choice(nearest[:_NEIGHBOURS])) + 1
            position = min(position, count - 1)
        result[trace] *= np.exp(0.1 * rng.uniform(-1.0, 1.0))
    return result


def filled(series: FloatArray) -> FloatArray:
    """The series without NaN: gaps by linear interpolation, ends by the nearest value.

    Raises UserError when every value is missing.
    """
    values = np.asarray(series, dtype=np.float64)
    known = np.flatnonzero(np.isfinite(values))
    if known.size == 0:
        raise UserError("the request rate has no value at all; check its query or its recording")
    everywhere: FloatArray = np.interp(np.arange(len(values)), known, values[known])
    return everywhere
