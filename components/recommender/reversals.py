"""Changes that undo the one before: counted from what is in force, whoever changed it."""

from __future__ import annotations

import numpy as np

from components.cluster.compiled import FloatArray
from components.cluster.reward import REWARD_MEMORY_COUNT, reversals


class Reversals:
    """Remembers the last allocation of each workload and the way each dimension went last."""

    def __init__(self) -> None:
        self._last: dict[str, FloatArray] = {}
        self._memory: dict[str, FloatArray] = {}

    def count(self, key: str, allocation: FloatArray) -> int:
        """How many dimensions of an allocation [3] reverse a recent change."""
        before = self._last.get(key)
        self._last[key] = allocation.copy()
        if before is None:
            self._memory[key] = np.zeros(REWARD_MEMORY_COUNT)
            return 0
        return int(reversals(before, self._last[key], self._memory[key]))
