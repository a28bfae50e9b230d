"""How much evidence a series shows without any drift: found on worlds drawn from its history.

Each world is one that may have had this history. Its innovations are blocks of the history's own
(Kuensch 1989); its level, rhythm, correlation, deviation and law of innovations differ from what
was estimated by as much as so long a history leaves open. So the threshold knows the errors of
everything that the scan takes for known.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from scipy import signal

from components.cluster.compiled import FloatArray
from components.drift_check.innovations import (
    EDGE,
    STEP,
    log_density,
    looked_up,
)
from components.drift_check.rhythm import DAY_S, Rhythm
from components.drift_check.scan import Model, scan

# Sizes of steps that are looked for, in deviations of the series: neighbours lose little of the
# evidence for what lies between them.
_SIZES: FloatArray = np.asarray(0.5 * 1.6 ** np.arange(5), dtype=np.float64)
_WORLDS, _WORLD_DAYS = 60, 5
_BLOCK_S = 4 * 3600.0
_MOST_CORRELATED = 0.999
# The law of the largest evidence of a day is fitted to the largest fifth of the days. Theory says
# that it falls by e with each unit; the excesses have to speak against that.
_UPPER = 0.8
_PRIOR_EXCESSES = 10.0


@dataclass(frozen=True, slots=True)
class Calibration:
    """The model of the series, and the law of its evidence without drift.

    The evidence of a day goes beyond x with a rate of exp((location - x) / scale).
    """

    model: Model
    location: float
    scale: float

    def threshold(self, alarms_per_month: float) -> float:
        """Return the evidence that so many months of 30 days go beyond without drift."""
        return self.location + self.scale * math.log(30.0 / alarms_per_month)

    def p_value(self, evidence: float, steps: int) -> float:
        """Return how likely so much evidence is in so many steps without drift."""
        days = max(steps * self.model.step_s / DAY_S, 1.0)
        per_day = math.exp(min((self.location - evidence) / self.scale, 50.0))
        return -math.expm1(-days * per_day)

    def p_value_told(self, evidence: float) -> float:
        """Return the same for onsets that an event told (scan.scan): by Ville's inequality."""
        return math.exp(-max(evidence, 0.0) / self.scale)


def calibrate(
    history: FloatArray,
    rhythm: Rhythm,
    step_s: float,
    rng: np.random.Generator,
    only_up: bool = False,
) -> Calibration:
    """Return the calibration on a history [K] of at least some days, less its rhythm.

    `only_up` looks for steps upwards alone.
    """
    innovations, model = _fitted(history, step_s, only_up)
    per_day = round(DAY_S / step_s)
    largest = [
        scan(course, world).evidence[per_day:].reshape(_WORLD_DAYS, per_day).max(axis=1)
        for course, world in _worlds(innovations, model, rhythm, rng)
    ]
    location, scale = _tail(np.concatenate(largest))
    return Calibration(model, location, scale)


def _fitted(history: FloatArray, step_s: float, only_up: bool) -> tuple[FloatArray, Model]:
    """Return the history's innovations [n] in their deviations, and the model of the series."""
    centred = history - np.nanmean(history)
    known = np.isfinite(centred[1:]) & np.isfinite(centred[:-1])
    first, second = centred[:-1][known], centred[1:][known]
    power = float(first @ first)
    correlation = float(first @ second) / power if power > 0.0 else 0.0
    correlation = min(max(correlation, 0.0), _MOST_CORRELATED)
    raw = second - correlation * first
    innovation = max(float(np.std(raw)), 1e-9)
    innovations = (raw - float(np.mean(raw))) / innovation
    deviation = max(float(np.nanstd(history)), 1e-9)
    sizes = _SIZES if only_up else np.concatenate([_SIZES, -_SIZES])
    law = log_density(innovations)
    model = Model(correlation, innovation, deviation, step_s, sizes, law, np.zeros(len(sizes)))
    ratios = _mean_ratios(model.after(), np.clip(innovations, -EDGE, EDGE))
    return innovations, replace(model, excess=np.log(ratios))


def _mean_ratios(tables: FloatArray, innovations: FloatArray) -> FloatArray:
    return np.array([float(np.mean(np.exp(looked_up(one, innovations)))) for one in tables])


def _worlds(
    innovations: FloatArray, model: Model, rhythm: Rhythm, rng: np.random.Generator
) -> Iterator[tuple[FloatArray, Model]]:
    """Yield courses [T] without drift, a day longer than looked at, and what is thought of each."""
    count, correlation = len(innovations), model.correlation
    steps = (_WORLD_DAYS + 1) * round(DAY_S / model.step_s)
    block = max(1, min(round(_BLOCK_S / model.step_s), count // 4))
    blocks = count // block
    held = np.clip(innovations[: blocks * block], -EDGE, EDGE)
    ratios, slopes = _block_ratios(model.after(), held, blocks)
    means = held.reshape(blocks, block).mean(axis=1)
    kurtosis = max(float(np.mean(innovations**4)), 1.5)
    for _ in range(_WORLDS):
        starts = rng.integers(0, count - block + 1, -(-steps // block))
        drawn = innovations[starts[:, np.newaxis] + np.arange(block)].ravel()[:steps]
        pole = correlation + rng.normal() * math.sqrt((1.0 - correlation**2) / count)
        spread = math.exp(rng.normal() * math.sqrt((kurtosis - 1.0) / 4.0 / count))
        course = signal.lfilter([spread], [1.0, -min(pole, 0.9995)], drawn)
        # Another history of the same world: its mean was taken for zero, its ratios' mean for one.
        history = rng.integers(0, blocks, blocks)
        mean = float(means[history].mean() - means.mean())
        told = (ratios[:, history] - mean * slopes[:, history]).mean(axis=1)
        excess = model.excess + np.log(np.maximum(told, 1e-3))
        course = model.innovation * (course - mean / (1.0 - correlation))
        yield (
            course + _rhythm_error(rhythm, steps, model.step_s, rng),
            replace(model, excess=excess),
        )


def _block_ratios(
    tables: FloatArray, innovations: FloatArray, blocks: int
) -> tuple[FloatArray, FloatArray]:
    """Return the mean likelihood ratio [K, B] of each block, and its derivative by a shift."""
    here = np.stack([np.exp(looked_up(one, innovations)) for one in tables])
    there = np.stack([np.exp(looked_up(one, innovations + STEP)) for one in tables])
    slopes = (there - here) / STEP
    shape = (len(tables), blocks, -1)
    return here.reshape(shape).mean(axis=2), slopes.reshape(shape).mean(axis=2)


def _rhythm_error(
    rhythm: Rhythm, steps: int, step_s: float, rng: np.random.Generator
) -> FloatArray:
    """Return waves [T] by which the rhythm may be wrong."""
    if rhythm.per_day.size == 0:
        return np.zeros(steps)
    angles = 2.0 * np.pi * np.outer(np.arange(steps) * step_s / DAY_S, rhythm.per_day)
    sines, cosines = rng.standard_normal((2, len(rhythm.errors))) * rhythm.errors
    out: FloatArray = np.sin(angles) @ sines + np.cos(angles) @ cosines
    return out


def _tail(largest: FloatArray) -> tuple[float, float]:
    """Return location and scale of the law of the days' largest evidence, from its upper part."""
    edge = float(np.quantile(largest, _UPPER))
    excesses = largest[largest > edge] - edge
    scale = (float(excesses.sum()) + _PRIOR_EXCESSES) / (len(excesses) + _PRIOR_EXCESSES)
    scale = max(scale, 1.0)
    rate = -math.log(_UPPER)
    return edge + scale * math.log(rate), scale
