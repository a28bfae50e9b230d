"""Changes that undo the one before: counted from what is in force, whoever changed it."""

from __future__ import annotations

import numpy as np

from components.cluster.compiled import FloatArray, compiled
from components.cluster.reward import REWARD_MEMORY_COUNT, reversals
from components.recommender.alignment import aligned


class Reversals:
    """Remembers the last allocation of each workload and the way each dimension went last."""

    def __init__(self) -> None:
        self._keys: list[str] = []
        self._last = np.zeros((0, 3))
        self._memory = np.zeros((0, REWARD_MEMORY_COUNT))

    def count(self, keys: list[str], current: FloatArray) -> FloatArray:
        """How many dimensions [B] of the allocations in force [B, 3] reverse a recent change."""
        fresh = np.zeros((len(keys), REWARD_MEMORY_COUNT))
        self._last = aligned(self._last, self._keys, keys, current.copy())
        self._memory = aligned(self._memory, self._keys, keys, fresh)
        self._keys = keys
        counted = np.zeros(len(keys))
        reversal_rows(self._last, current, self._memory, counted)
        self._last = current.copy()
        return counted


@compiled
def reversal_rows(
    before: FloatArray, now: FloatArray, memory: FloatArray, counted: FloatArray
) -> None:
    """`reversals` of each row, into counted [B]."""
    for row in range(before.shape[0]):
        counted[row] = reversals(before[row], now[row], memory[row])
