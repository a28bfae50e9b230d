"""Where did an autocorrelated series [T] step to another level? A scan calibrated on its history.

The series, less its rhythm, is taken for an AR(1), x_t = phi x_(t-1) + e_t. A step of d at s
shows in the innovations as d at s and as (1 - phi) d after it, so the generalised likelihood
ratio of a window of L steps is |e_s + (1 - phi) sum e| / sqrt(1 + (1 - phi)^2 (L - 1)) in units
of the innovations' deviation (Lai 1995 on window-limited ratios). It looks at many windows and
many ends; how large it gets without any drift is found by a bootstrap of blocks of the history's
own innovations (Kuensch 1989): the squares of its daily maxima follow a Gumbel law.

What can be had at phi = .98, two-sided, one false alarm in ten months: a step of d deviations
gives evidence d^2 (1 + (1 - phi)^2 n) / (1 - phi^2) in n steps. Even a test that is told the onset
finds .5 deviations within 12 h with a power of at most .71 where a step is 15 s, .39 where it is
1 min and .27 where it is 30 min; one deviation within 6 h with .998, .98 and .96. One that isn't
told has 172,800 onsets of 15 s a month to look at; were they independent its threshold would be
5.0 deviations, and it would find .5 with .1 and one with .9
(tests.benchmarks.drift computes the first and measures the scan). So the aim of .9 for half a
deviation is out of every detector's reach at this rate of false alarms, and .99 for one is within
reach only of a test that is told when: the levels wander by as much by themselves.

Measured on 120 workload-months with 14 days of history, at a threshold asked for .1 false alarms a
month: .24 came (.18 with normal innovations, .35 with skewed ones), and a power of .1 and .8 with
normal innovations, 0 and .13 with skewed ones, whose own jumps are as large as the step.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy import signal, stats

from components.cluster.compiled import FloatArray

_DAY_S = 86400.0
# Shorter is an incident, longer a second history.
_SHORTEST_S, _LONGEST_S = 1800.0, 2 * _DAY_S
# A spike's innovations look like a step's, but nothing stays: so much of the step must.
_STAYS = 0.25
_BLOCK_S = 4 * 3600.0
_BOOTSTRAP_DAYS = 200
_MOST_CORRELATED = 0.999


@dataclass(frozen=True, slots=True)
class Calibration:
    """What is known of the series without drift: its AR(1), and its daily maxima's law, squared."""

    correlation: float
    innovation: float
    location: float
    scale: float
    step_s: float

    def threshold(self, alarms_per_month: float) -> float:
        """Return the ratio that so many months of 30 days go beyond without drift."""
        return math.sqrt(self.location + self.scale * math.log(30.0 / alarms_per_month))

    def p_value(self, statistic: float, steps: int) -> float:
        """Return how likely a ratio this large is in so many steps without drift."""
        days = max(steps * self.step_s / _DAY_S, 1.0)
        per_day = math.exp(min((self.location - statistic**2) / self.scale, 50.0))
        return -math.expm1(-days * per_day)


@dataclass(frozen=True, slots=True)
class Scan:
    """At each step [T] the largest ratio of the windows that end there, and that window's start."""

    ratio: FloatArray
    start: FloatArray


def calibrate(history: FloatArray, step_s: float, rng: np.random.Generator) -> Calibration:
    """Return the calibration on a history [K] of at least some days, less its rhythm."""
    correlation = _correlation(history)
    innovations = _innovations(history, correlation)
    deviation = max(float(np.std(innovations[1:])), 1e-9)
    per_day = round(_DAY_S / step_s)
    block = max(1, min(round(_BLOCK_S / step_s), len(innovations) // 4))
    wanted = (_BOOTSTRAP_DAYS + 1) * per_day
    starts = rng.integers(1, len(innovations) - block + 1, -(-wanted // block))
    drawn = innovations[starts[:, np.newaxis] + np.arange(block)].ravel()[:wanted]
    drawn = drawn - float(np.mean(innovations[1:]))
    course = signal.lfilter([1.0], [1.0, -correlation], drawn)
    before = Calibration(correlation, deviation, 0.0, 1.0, step_s)
    maxima = scan(course, before).ratio[per_day:].reshape(_BOOTSTRAP_DAYS, per_day).max(axis=1)
    location, scale = stats.gumbel_r.fit(maxima**2)
    return Calibration(correlation, deviation, float(location), max(float(scale), 0.05), step_s)


def scan(values: FloatArray, calibration: Calibration) -> Scan:
    """Return the scan of a series [T] less its rhythm; a missing step tells nothing."""
    phi = calibration.correlation
    pull = 1.0 - phi
    innovations = _innovations(values, phi) / calibration.innovation
    scaled = np.nan_to_num(values) / calibration.innovation
    sums = np.concatenate([[0.0], np.cumsum(innovations)])
    levels = np.concatenate([[0.0], np.cumsum(scaled)])
    ratio, start = np.zeros(len(values)), np.zeros(len(values))
    for length in _lengths(calibration.step_s, len(values)):
        ends = np.arange(length, len(values) + 1)
        starts = ends - length
        evidence = innovations[starts] + pull * (sums[ends] - sums[starts + 1])
        information = 1.0 + pull * pull * (length - 1)
        level = (levels[ends] - levels[starts]) / length
        stays = np.sign(evidence) * level >= _STAYS * np.abs(evidence) / information
        found = np.where(stays, np.abs(evidence) / math.sqrt(information), 0.0)
        better = found > ratio[ends - 1]
        ratio[ends[better] - 1] = found[better]
        start[ends[better] - 1] = starts[better]
    return Scan(ratio, start)


def _lengths(step_s: float, most: int) -> list[int]:
    """Return the windows' lengths in steps, each sqrt(2) times the one before."""
    shortest = max(1, round(_SHORTEST_S / step_s))
    count = int(2 * math.log2(_LONGEST_S / _SHORTEST_S)) + 1
    lengths = {round(shortest * math.sqrt(2.0) ** index) for index in range(count)}
    return sorted(length for length in lengths if length <= most)


def _correlation(values: FloatArray) -> float:
    centred = np.nan_to_num(values - np.nanmean(values))
    power = float(centred @ centred)
    if power <= 0.0:
        return 0.0
    return float(np.clip((centred[1:] @ centred[:-1]) / power, 0.0, _MOST_CORRELATED))


def _innovations(values: FloatArray, correlation: float) -> FloatArray:
    """Return e_t [T] = x_t - phi x_(t-1); 0 for the first and where either is missing."""
    innovations = np.zeros(len(values))
    innovations[1:] = np.nan_to_num(values[1:] - correlation * values[:-1])
    return innovations
