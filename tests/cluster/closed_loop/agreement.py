"""Whether reality orders the arms as the twin does, where the twin itself is sure of an order.

Most courses have arms that chance alone could put in either order, on the twin as in reality. Such
a pair is a tie on the twin and nothing that reality could confirm or refute.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import permutations

import numpy as np

from components.cluster.compiled import FloatArray

SURE = 0.95


@dataclass(frozen=True, slots=True)
class Pair:
    """Two arms in the twin's order, in which share of episodes, and by how much really."""

    better: str
    worse: str
    share: float
    real_difference: float

    @property
    def agrees(self) -> bool:
        """Whether reality has the twin's order."""
        return self.real_difference > 0


def sure_pairs(twin: Mapping[str, FloatArray], real: Mapping[str, float]) -> list[Pair]:
    """The pairs that the twin orders alike in at least 95 % of its episodes.

    twin: rewards [B] of each arm, paired by episode; real: the reward that was measured.
    """
    pairs = []
    for better, worse in permutations(twin, 2):
        share = float(np.mean(twin[better] > twin[worse]))
        if share >= SURE:
            pairs.append(Pair(better, worse, share, real[better] - real[worse]))
    return pairs


def ranking_agrees(pairs: list[Pair]) -> bool:
    """Whether the twin is sure of some pair and reality reverses none of those."""
    return bool(pairs) and all(pair.agrees for pair in pairs)
