"""Request rates to learn and to be judged on: generated, or resampled from a measured series."""

from __future__ import annotations

import math

import numpy as np

from components.cluster.compiled import FloatArray, compiled
from components.errors import UserError

STEPS_PER_HOUR = 240
_HIGHEST = 4.0
_NEIGHBOURS = 8
# What a level shift multiplies the rate by.
_LEVELS = np.array([0.5, 0.7, 1.5, 2.0])


def synthetic_rates(
    rng: np.random.Generator, batch: int, steps: int, mean_per_s: FloatArray
) -> FloatArray:
    """Rates [batch, steps] per second at 15 s, each row with its own mean of mean_per_s [batch].

    A row is the product of a wave (a day, often shortened as load tests do), autocorrelated
    noise, bursts, and by chance a flash crowd, a level shift, a ramp or an idle night. Nothing
    exceeds four times the mean.
    """
    shape = np.empty((batch, steps))
    _fill_shapes(rng, shape)
    for _ in range(3):
        shape /= shape.mean(axis=1, keepdims=True)
        np.minimum(shape, _HIGHEST, out=shape)
    rates: FloatArray = shape * np.asarray(mean_per_s, dtype=np.float64)[:, None]
    return rates


@compiled
def _fill_shapes(rng: np.random.Generator, out: FloatArray) -> None:
    """Fill out [batch, steps] with shapes of means about 1."""
    steps = out.shape[1]
    for row in range(out.shape[0]):
        shape = out[row]
        _fill_wave(rng, shape)
        _add_noise(rng, shape)
        _add_bursts(rng, shape)
        chance = rng.random(4)
        if chance[0] < 0.15:
            _add_flash_crowd(rng, shape)
        if chance[1] < 0.2:
            until = rng.uniform(0.1, 0.9) * steps
            shape[math.ceil(until) :] *= _LEVELS[rng.integers(0, len(_LEVELS))]
        if chance[2] < 0.2:
            end = math.exp(rng.uniform(-0.9, 0.9))
            for step in range(steps):
                shape[step] *= 1.0 + (end - 1.0) * step / max(steps - 1.0, 1.0)
        if chance[3] < 0.1:
            start = rng.uniform(0.0, 0.8) * steps
            until = start + rng.uniform(0.1, 0.4) * steps
            shape[math.ceil(start) : math.ceil(until)] *= rng.uniform(0.02, 0.15)
        for step in range(steps):
            shape[step] = max(shape[step], 1e-3)


@compiled
def _fill_wave(rng: np.random.Generator, shape: FloatArray) -> None:
    period = STEPS_PER_HOUR * math.exp(rng.uniform(math.log(0.5), math.log(24.0)))
    amplitude = rng.uniform(0.0, 0.65)
    phase = rng.uniform(0.0, 2.0 * math.pi)
    for step in range(len(shape)):
        shape[step] = 1.0 + amplitude * math.sin(2.0 * math.pi * step / period + phase)


@compiled
def _add_noise(rng: np.random.Generator, shape: FloatArray) -> None:
    """Log-normal AR(1) noise."""
    persistence = rng.uniform(0.8, 0.99)
    deviation = math.exp(rng.uniform(math.log(0.02), math.log(0.2)))
    draws = rng.standard_normal(len(shape)) * deviation * math.sqrt(1.0 - persistence**2)
    level = rng.standard_normal() * deviation
    for step in range(len(shape)):
        level = persistence * level + draws[step]
        shape[step] *= math.exp(level)


@compiled
def _add_bursts(rng: np.random.Generator, shape: FloatArray) -> None:
    steps = len(shape)
    for _ in range(rng.poisson(steps / STEPS_PER_HOUR * rng.uniform(0.0, 4.0))):
        start = rng.uniform(0.0, steps)
        until = start + rng.uniform(2.0, 20.0)
        shape[math.ceil(start) : math.ceil(until)] *= rng.uniform(1.2, 2.5)


@compiled
def _add_flash_crowd(rng: np.random.Generator, shape: FloatArray) -> None:
    start = rng.uniform(0.1, 0.9) * len(shape)
    rising = rng.uniform(2.0, 12.0)
    falling = rng.uniform(10.0, 80.0)
    height = rng.uniform(1.0, 3.0)
    for step in range(len(shape)):
        after = max(step - start, 0.0)
        shape[step] *= 1.0 + height * min(after / rising, 1.0) * math.exp(-after / falling)


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
