"""Where did an autocorrelated series [T] step to another level? The Shiryaev-Roberts statistic.

The series, less its rhythm, is taken for an AR(1), x_t = phi x_(t-1) + e_t, whose e_t follow the
history's own law. A step of d at s shows in the innovations as d at s and as (1 - phi) d after it.
R_t, the sum of the likelihood ratios of all onsets s, is the best there is for an onset that
nobody tells (Pollak 1985; Shiryaev 1963); here it is the mean over several sizes d. Without drift
R_t - t is a martingale, so that log R goes beyond x about as often as exp(-x) tells; how often
exactly, with all that is estimated, `calibration` finds out.

What can be had at phi = .98, one false alarm in ten months: a step of d deviations gives evidence
d^2 (1 + (1 - phi)^2 n) / (1 - phi^2) in n steps. Even a test that is told the onset finds .5
deviations within 12 h with a power of at most .71 where a step is 15 s, .39 where it is 1 min and
.27 where it is 30 min; one deviation within 6 h with .998, .98 and .96. One that isn't told has
172,800 onsets of 15 s a month to look at; what it finds when told all else (size, law,
correlation) tests.benchmarks.drift measures, beside this scan. So the aim of .9 for half a
deviation is out of every detector's reach; .99 for one can be had where an event, a new image,
tells when to look.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from components.cluster.compiled import FloatArray, compiled, compiled_inline, contiguous
from components.drift_check.innovations import EDGE, LOW, STEP, shift_ratio

# What goes away sooner is an incident.
SHORTEST_S = 1800.0
# A spike's innovations look like a step's, but nothing stays: so much of the step must.
_STAYS = 0.25
# A first value tells of a level by at most so many deviations: the levels' law is not known so far.
_MOST_LEVEL = 4.0


@dataclass(frozen=True, slots=True)
class Model:
    """The series without drift, and the sizes of steps that are looked for.

    `correlation` and `innovation` (deviation of e) are the AR(1)'s, `deviation` is that of the
    series; `sizes` [K] are in deviations, `log_density` [POINTS] is the law of e on
    innovations.GRID. `excess` [K] is the logarithm of the mean likelihood ratio after an onset,
    which under the true law is 0, over the history.
    """

    correlation: float
    innovation: float
    deviation: float
    step_s: float
    sizes: FloatArray
    log_density: FloatArray
    excess: FloatArray

    def onset(self) -> FloatArray:
        """Return the log-likelihood ratios [K, POINTS] of an innovation at a step's onset."""
        return np.stack([shift_ratio(self.log_density, one) for one in self._shifts()])

    def after(self) -> FloatArray:
        """Return the log-likelihood ratios [K, POINTS] of an innovation after a step's onset."""
        pull = 1.0 - self.correlation
        ratios = [shift_ratio(self.log_density, pull * one) for one in self._shifts()]
        return np.stack(ratios) - self.excess[:, np.newaxis]

    def _shifts(self) -> FloatArray:
        return self.sizes * self.deviation / self.innovation


@dataclass(frozen=True, slots=True)
class Scan:
    """At each step [T] the logarithm of the evidence, and the likeliest onset of a step."""

    evidence: FloatArray
    start: npt.NDArray[np.int64]


def innovations_of(values: FloatArray, correlation: float) -> FloatArray:
    """Return e_t [T] = x_t - phi x_(t-1); NaN for the first and where either is missing."""
    return np.concatenate([[np.nan], values[1:] - correlation * values[:-1]])


def scan(values: FloatArray, model: Model, onsets: tuple[int, int] | None = None) -> Scan:
    """Return the scan of a series [T] less its rhythm; a missing step tells nothing.

    With `onsets`, the first and last step at which a known event may have changed the series, only
    these are looked at, and the evidence is an e-value: without drift it ever exceeds x with a
    probability of exp(-x) at most (Ville 1939).
    """
    first, last = onsets if onsets is not None else (0, len(values) - 1)
    scaled = innovations_of(values, model.correlation) / model.innovation
    weights = len(model.sizes) * (1 if onsets is None else max(last - first + 1, 1))
    evidence, start = _scanned(
        contiguous(np.clip(scaled, -EDGE, EDGE)),
        contiguous(values / model.deviation),
        contiguous(model.sizes),
        contiguous(model.onset()),
        contiguous(model.after()),
        max(1, round(SHORTEST_S / model.step_s)),
        first,
        last,
    )
    return Scan(evidence - math.log(weights), start.astype(np.int64))


@compiled
def _scanned(
    innovations: FloatArray,
    levels: FloatArray,
    sizes: FloatArray,
    onset: FloatArray,
    after: FloatArray,
    shortest: int,
    first: int,
    last: int,
) -> tuple[FloatArray, FloatArray]:
    """Return log of the summed evidence [T] and the likeliest onsets [T].

    An onset counts from `shortest` steps after it on, and while the level since the likeliest onset
    is on the step's side.
    """
    count = len(levels)
    total, most, start, drift = np.zeros((4, count))
    summed, present = np.zeros((2, count + 1))
    for t in range(count):
        missing = math.isnan(levels[t])
        summed[t + 1] = summed[t] + (0.0 if missing else levels[t])
        present[t + 1] = present[t] + (0.0 if missing else 1.0)
    for k in range(len(sizes)):
        ratio, best, likeliest, gathered = 0.0, -math.inf, 0, 0.0
        for t in range(count):
            if not math.isnan(innovations[t]):
                told = _looked_up(after, k, innovations[t])
                gathered += told
                ratio *= math.exp(told)
            drift[t] = gathered
            s = t - shortest + 1
            if first <= s <= last and not math.isnan(levels[s]):
                begun = _begun(onset, k, sizes[k], innovations[s], levels[s]) - drift[s]
                ratio = min(ratio + math.exp(min(begun + gathered, 600.0)), 1e280)
                if begun > best:
                    best, likeliest = begun, s
            length = max(present[t + 1] - present[likeliest], 1.0)
            level = (summed[t + 1] - summed[likeliest]) / length
            if level * sizes[k] >= _STAYS * sizes[k] * sizes[k]:
                total[t] += ratio
                if ratio > most[t]:
                    most[t], start[t] = ratio, likeliest
    return np.log(np.maximum(total, 1e-300)), start


@compiled_inline
def _begun(onset: FloatArray, k: int, size: float, innovation: float, level: float) -> float:
    """Return the evidence of a step that begins here; after a gap the level alone tells."""
    if math.isnan(innovation):
        kept = min(max(level, -_MOST_LEVEL), _MOST_LEVEL)
        return size * kept - 0.5 * size * size
    return _looked_up(onset, k, innovation)


@compiled_inline
def _looked_up(tables: FloatArray, k: int, innovation: float) -> float:
    place = (innovation - LOW) / STEP
    cell = int(place)
    share = place - cell
    return float(tables[k, cell] * (1.0 - share) + tables[k, cell + 1] * share)
