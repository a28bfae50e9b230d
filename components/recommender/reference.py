"""What the incumbent achieved: the yardstick for a policy that is let in."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

# An interval in which more of the requests than this miss the objective is plainly bad.
BAD = 0.5

_SMALLEST_LIMIT = 0.001
_LARGEST_LIMIT = 0.95
_LONGEST_BLOCK = 20
_ONE_SIDED_95 = 1.645


@dataclass(frozen=True, slots=True)
class Reference:
    """`violation`: the incumbent's mean share of violating requests over `intervals` intervals.

    `limit`: what counts as regression (see `reference_of`). `block_intervals`: how many intervals
    are taken together. `longest_bad_streak`: the most bad intervals in a row.
    `oom_kills_per_interval`, `near_limit_per_interval` (in which memory came near the limit): on
    average.
    """

    intervals: int
    violation: float
    limit: float
    block_intervals: int
    longest_bad_streak: int
    oom_kills_per_interval: float
    near_limit_per_interval: float = 0.0


def reference_of(
    violations: NDArray[np.float64],
    oom_kills: int,
    margin: float = 0.01,
    relative_margin: float = 0.25,
    near_limit: int = 0,
) -> Reference:
    """The reference from the incumbent's violation shares [T], one for each interval; NaN ignored.

    A policy has regressed when its mean is above

        limit = p * (1 + relative_margin) + margin + 1.645 * standard error of p

    with p the incumbent's mean and its standard error from block means; a block is twice as long
    as the incumbent's mean burst. Example: 100 intervals, all 0: limit 0.01, blocks of 1.
    Raises ValueError without a single measured interval.
    """
    known = violations[np.isfinite(violations)]
    if known.size == 0:
        raise ValueError("no interval of the incumbent was measured")
    bursts = _runs(known > 0)
    longest = min(_LONGEST_BLOCK, known.size)
    block = min(math.ceil(2 * float(np.mean(bursts))), longest) if bursts else 1
    blocks = known[: known.size // block * block].reshape(-1, block).mean(axis=1)
    error = float(blocks.std(ddof=1)) / math.sqrt(len(blocks)) if len(blocks) > 1 else 0.0
    mean = float(known.mean())
    limit = mean * (1 + relative_margin) + margin + _ONE_SIDED_95 * error
    return Reference(
        intervals=int(known.size),
        violation=mean,
        limit=min(max(limit, _SMALLEST_LIMIT), _LARGEST_LIMIT),
        block_intervals=block,
        longest_bad_streak=max(_runs(known >= BAD), default=0),
        oom_kills_per_interval=oom_kills / int(known.size),
        near_limit_per_interval=near_limit / int(known.size),
    )


def _runs(flags: NDArray[np.bool_]) -> list[int]:
    """The lengths of the runs of true values."""
    edges = np.flatnonzero(np.diff(np.concatenate(([False], flags, [False]))))
    return [int(length) for length in edges[1::2] - edges[::2]]
