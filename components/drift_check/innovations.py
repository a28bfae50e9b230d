"""How surprising an innovation is: the history's own law of them, and what a shift would do to it.

The density f of the innovations (in their deviations) is learned from the history, so that skew
and heavy tails are neither taken for a shift nor lost as evidence of one: the log-likelihood ratio
of an innovation e that a shift moved by m is log f(e - m) - log f(e).
"""

from __future__ import annotations

import numpy as np
from scipy import stats

from components.cluster.compiled import FloatArray

# Grid of the tables, in deviations; an innovation beyond it counts as one at its edge.
LOW, STEP, POINTS = -15.0, 0.04, 751
GRID: FloatArray = np.asarray(LOW + STEP * np.arange(POINTS), dtype=np.float64)
EDGE = -LOW - 2 * STEP
# Wider than Silverman's rule (1.06): the ratio asks for the slope of log f, not for f.
_BANDWIDTH = 1.3
# The last hundredth on each side, but at least so many innovations, is told by a law of tails.
_TAIL, _FEWEST_IN_TAIL = 0.01, 50
_LIGHTEST, _HEAVIEST = -0.2, 0.5
# What a history of n can't exclude has about this weight over n.
_UNSEEN = 10.0


def log_density(innovations: FloatArray) -> FloatArray:
    """Return log f on GRID [POINTS] of innovations [n] in their own deviations.

    A Gaussian kernel estimate in the middle; generalised Pareto tails (Hosking and Wallis 1987, by
    probability-weighted moments), since a kernel leaves gaps there that make each new extreme look
    like proof; and a little of Student's t for what so short a history can't exclude.
    """
    kept = np.clip(innovations, -EDGE, EDGE)
    count = len(kept)
    edges = np.append(GRID - STEP / 2, GRID[-1] + STEP / 2)
    heights = np.histogram(kept, bins=edges)[0] / count / STEP
    width = max(_BANDWIDTH * count**-0.2, STEP)
    half = POINTS // 2
    kernel = stats.norm.pdf(STEP * np.arange(-half, half + 1), scale=width)
    density = np.convolve(heights, kernel / kernel.sum(), mode="same")
    share = min(max(_TAIL, _FEWEST_IN_TAIL / count), 0.1)
    for side in (1.0, -1.0):
        density = _with_tail(density, side * kept, side * GRID, share)
    unseen = min(_UNSEEN / count, 0.01)
    law = (1.0 - unseen) * density + unseen * stats.t.pdf(GRID, 3)
    return np.asarray(np.log(law), dtype=np.float64)


def _with_tail(
    density: FloatArray, values: FloatArray, grid: FloatArray, share: float
) -> FloatArray:
    """Return the density with a generalised Pareto law beyond the values' upper quantile."""
    edge = float(np.quantile(values, 1.0 - share))
    excesses = np.sort(values[values > edge] - edge)
    if len(excesses) < 2 or excesses[-1] <= 0.0:
        return density
    ranks = (np.arange(1, len(excesses) + 1) - 0.35) / len(excesses)
    mean, weighted = float(excesses.mean()), float(np.mean(excesses * (1.0 - ranks)))
    shape = float(np.clip(2.0 - mean / (mean - 2.0 * weighted), _LIGHTEST, _HEAVIEST))
    beyond = np.maximum(grid - edge, 0.0)
    tail = share * stats.genpareto.pdf(beyond, shape, scale=mean * (1.0 - shape))
    return np.where(grid > edge, tail, density)


def shift_ratio(log_f: FloatArray, shift: float) -> FloatArray:
    """Return log f(e - shift) - log f(e) on GRID [POINTS]."""
    return np.interp(GRID - shift, GRID, log_f) - log_f


def looked_up(table: FloatArray, innovations: FloatArray) -> FloatArray:
    """Return a table's values [n] at innovations [n]."""
    return np.interp(innovations, GRID, table)
