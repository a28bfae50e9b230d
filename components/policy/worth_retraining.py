"""When a retraining starts and when it has ended, by statistics, not by a fixed threshold (pure).

It starts when a policy that acts has lost performance against its reference, surely and by more
than retraining is worth; it ends when the new policy's advantage over the one in force is
established or excluded. Performance is the reward less the priced violations, of each decision
interval or each simulated world.

Start: bets on the loss, as in `sequential_test.py`, that may be looked at after every block. A loss
is counted from -MOST_GAIN on, so that one good hour can't pay for many bad ones; bets on a bounded
mean stay valid, for what is cut makes the policy look worse by less than WORTH. Neighbouring
intervals say the same thing twice: they are taken together to blocks over which the reference has
forgotten itself.

End: paired differences in worlds that are drawn anew, more at each look. A look's bounds are
Student's, the error is shared out among the looks (Bonferroni; Jennison and Turnbull, Group
Sequential Methods, 2000, chapter 2, have sharper ones).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from components.cluster.compiled import FloatArray
from components.policy import sequential_test
from components.policy.statistics import Interval, mean_interval

# Of performance: what is less isn't worth a new policy, that has to be trusted anew.
WORTH = 0.01
MOST_GAIN = 0.05
# Reward is in [0, 1] and a violation's price below 1.
MOST_LOSS = 2.0
# A false start in at least so many blocks, when nothing is lost but WORTH.
FALSE_START_BLOCKS = 200.0
SHORTEST_BLOCK, LONGEST_BLOCK = 5, 60
_ONE_SIDED_95 = 1.645

ESTABLISHED = "established"
EXCLUDED = "excluded"
OPEN = "open"
LOOKS = (32, 64, 128, 256, 512)
CONFIDENCE = 0.95


@dataclass(frozen=True, slots=True)
class ReferencePerformance:
    """What a policy gave when it was trusted: mean and standard error, and how long a block is."""

    mean: float
    error: float
    block_intervals: int


@dataclass(frozen=True, slots=True)
class Loss:
    """What was lost against the reference.

    `real`: whether the evidence (a logarithm, the highest ever) passed the alarm, and so a
    retraining starts. `mean`: of all blocks; `since`: the interval from which on the bets won;
    None where none did. `looks`: how many blocks were bet on.
    """

    real: bool
    mean: float
    evidence: float
    since: int | None
    looks: int

    @property
    def p_value(self) -> float:
        """For tests of many workloads together: so much evidence within so many looks, or more.

        Each look may be the first of a winning streak, and each streak's wealth passes exp(x)
        with a probability of at most exp(-x).
        """
        return min(1.0, self.looks * math.exp(-self.evidence))


@dataclass(frozen=True, slots=True)
class Advantage:
    """ESTABLISHED, EXCLUDED or OPEN; the mean difference with its bounds, from so many worlds."""

    verdict: str
    mean: float
    low: float
    high: float
    worlds: int


def reference_performance(performance: FloatArray) -> ReferencePerformance:
    """The reference from performance [D] of the trusted time; NaN ignored.

    A block is as long as the integrated autocorrelation time.
    Raises ValueError without two measured intervals.
    """
    known = performance[np.isfinite(performance)]
    if known.size < 2:
        raise ValueError("a reference needs two intervals or more")
    longest = max(1, min(LONGEST_BLOCK, known.size // 4))
    block = min(max(SHORTEST_BLOCK, math.ceil(correlation_time(known))), longest)
    means = _blocks(known, block)
    error = float(means.std(ddof=1)) / math.sqrt(len(means)) if len(means) > 1 else 0.0
    return ReferencePerformance(float(known.mean()), error, block)


def correlation_time(values: FloatArray) -> float:
    """Intervals that count as one: 1 + 2 * sum of the positive autocorrelations of values [D]."""
    centred = values - values.mean()
    power = float(centred @ centred)
    total = 1.0
    if power <= 1e-12:
        return total
    for lag in range(1, len(values) // 4 + 1):
        correlation = float(centred[lag:] @ centred[:-lag]) / power
        if correlation <= 0.0:
            break
        total += 2.0 * correlation
    return total


def lost_performance(performance: FloatArray, reference: ReferencePerformance) -> Loss:
    """Whether performance [D], in order and since the policy acts, is below the reference.

    NaN is ignored. What isn't real is a mean loss of at most WORTH and the reference's own
    uncertainty.
    """
    present = np.flatnonzero(np.isfinite(performance))
    losses = reference.mean - _blocks(performance[present], reference.block_intervals)
    scale = MOST_LOSS + MOST_GAIN
    allowed = WORTH + _ONE_SIDED_95 * reference.error
    limit = np.asarray(min((allowed + MOST_GAIN) / scale, 0.95))
    wealth, begun, since, highest = sequential_test.start(), 0, 0, 0.0
    for index, loss in enumerate(losses):
        if float(sequential_test.evidence(wealth)) <= 0.0:
            begun = index
        x = np.asarray((np.clip(loss, -MOST_GAIN, MOST_LOSS) + MOST_GAIN) / scale)
        wealth = sequential_test.bet_above(sequential_test.topped_up(wealth), x, limit)
        evidence = float(sequential_test.evidence(wealth))
        if evidence > highest:
            highest, since = evidence, begun
    return Loss(
        real=highest >= math.log(FALSE_START_BLOCKS),
        mean=float(losses.mean()) if len(losses) else 0.0,
        evidence=highest,
        since=int(present[since * reference.block_intervals]) if highest > 0.0 else None,
        looks=len(losses),
    )


def advantage_of(batches: Iterator[FloatArray]) -> Advantage:
    """Whether differences, new less old, are above WORTH: of batches [n] of worlds drawn anew.

    `batches` gives the first LOOKS[0] worlds, then as many more as the next look needs; no more
    are asked for once it is decided.
    """
    # Two one-sided bounds at each look, with the look's share of the error each.
    confidence = 1.0 - 2.0 * (1.0 - CONFIDENCE) / len(LOOKS)
    differences = np.empty(0)
    verdict, bounds = OPEN, Interval(0.0, -math.inf, math.inf)
    for size, batch in zip(LOOKS, batches, strict=False):
        differences = np.concatenate([differences, batch])
        if differences.size != size:
            raise ValueError(f"a look needs {size} worlds, not {differences.size}")
        bounds = mean_interval(differences, confidence)
        if bounds.low > WORTH:
            verdict = ESTABLISHED
        elif bounds.high < WORTH:
            verdict = EXCLUDED
        if verdict != OPEN:
            break
    return Advantage(verdict, bounds.mean, bounds.low, bounds.high, differences.size)


def _blocks(values: FloatArray, length: int) -> FloatArray:
    """Means [D // length] of whole blocks of values [D]."""
    whole = len(values) // length
    means: FloatArray = values[: whole * length].reshape(whole, length).mean(axis=1)
    return means
