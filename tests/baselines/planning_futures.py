"""Rates that may follow a moment of a trace, sampled without knowing which will.

The generator of rates is known to a planner with true parameters, so the futures are what followed
in traces of the same generator after moments that looked alike: nearest neighbours by level, by
distance from four moving averages, and by how much the rate jumps. On traces not sampled from, the
ranks of what followed are even: 9 % lie above the 90th percentile of the highest rate of the next
ten minutes, 12 % below the 10th.
"""

from __future__ import annotations

import math

import numpy as np
from scipy.spatial import cKDTree

from components.cluster.compiled import FloatArray

AVERAGED_STEPS = (2.0, 6.0, 20.0, 60.0)
JUMPS_STEPS = 60.0
SMALL_JUMPS_STEPS = 200.0
# Earlier moments than this show no past.
FIRST_STEP = 20
# Of the features, by their order in `features`: the level tells less than its changes.
WEIGHTS = np.array([0.5, 1.0, 1.0, 1.0, 1.0, 0.5, 0.7])


def recent_average(values: FloatArray, steps: float) -> FloatArray:
    """Exponential average [B, T] of values [B, T] until each step, unbiased from the first on."""
    newest = 1.0 - math.exp(-1.0 / steps)
    average = np.empty_like(values)
    total, weight = np.zeros(len(values)), 0.0
    for step in range(values.shape[1]):
        total = (1.0 - newest) * total + newest * values[:, step]
        weight = (1.0 - newest) * weight + newest
        average[:, step] = total / weight
    return average


def features(logs: FloatArray) -> FloatArray:
    """What a moment looks like, [B, T, 7], of logarithms [B, T] of rates over their usual mean."""
    jumps = np.abs(np.diff(logs, axis=1, prepend=logs[:, :1]))
    found = [logs, *(logs - recent_average(logs, steps) for steps in AVERAGED_STEPS)]
    for most, steps in ((0.5, JUMPS_STEPS), (0.1, SMALL_JUMPS_STEPS)):
        found.append(np.log(recent_average(np.minimum(jumps, most), steps) + 0.003))
    return np.stack(found, axis=-1)


class Futures:
    """The traces to sample from, and the trace [B, T] whose moments are looked up in them."""

    def __init__(self, traces: FloatArray, seen: FloatArray, steps: int) -> None:
        """traces [B, V, T] and seen [B, T] of the same applications; futures of `steps` steps."""
        mean = traces.mean(axis=(1, 2))
        self._steps = steps
        self._logs = self._shape(
            traces.reshape(-1, traces.shape[2]), np.repeat(mean, len(traces[0]))
        )
        looks = features(self._logs)
        scale = WEIGHTS / looks.reshape(-1, looks.shape[-1]).std(axis=0)
        self._starts = traces.shape[2] - steps - FIRST_STEP
        known = looks[:, FIRST_STEP : FIRST_STEP + self._starts]
        self._tree = cKDTree((known * scale).reshape(-1, looks.shape[-1]))
        self._asked = features(self._shape(seen, mean)) * scale
        self._seen = seen

    @staticmethod
    def _shape(rates: FloatArray, mean: FloatArray) -> FloatArray:
        return np.log(np.maximum(rates / mean[:, None], 1e-4))

    def after(self, step: int, count: int) -> FloatArray:
        """Rates [B, count, steps] that may follow step - 1 of what is seen, nearest first."""
        last = max(step - 1, 0)
        _, found = self._tree.query(self._asked[:, last], k=count)
        trace, start = found // self._starts, found % self._starts + FIRST_STEP
        pieces = self._logs[trace[..., None], start[..., None] + 1 + np.arange(self._steps)]
        rises = np.exp(pieces - self._logs[trace, start][..., None])
        futures: FloatArray = rises * self._seen[:, last][:, None, None]
        return futures
