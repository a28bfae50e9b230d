"""The numbers of all subjects as arrays, a row each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from components.cluster import limits as lim
from components.cluster.compiled import FloatArray, contiguous
from components.recommender.subject import Subject

_LOW = [lim.REPLICAS_MIN, lim.CPU_MIN_M, lim.MEMORY_MIN_BYTES]
_HIGH = [lim.REPLICAS_MAX, lim.CPU_MAX_M, lim.MEMORY_MAX_BYTES]


@dataclass(frozen=True, slots=True)
class SubjectRows:
    """Replicas, millicores and bytes [B, 3]: `current` in force, `last` recommended last.

    previous [B, 3]: what a recommendation starts from. limits [B, L]. incumbent [B, 3]: the HPA's
    target, the VPA's margin and floor; fixed_cpu_m [B], NaN where the incumbent leaves CPU.
    hold [B]: 0 or a reason's code. memory_limit_bytes [B]: in force, infinite where there is none.
    """

    current: FloatArray
    last: FloatArray
    previous: FloatArray
    limits: FloatArray
    incumbent: FloatArray
    fixed_cpu_m: FloatArray
    hold: FloatArray
    memory_limit_bytes: FloatArray

    @property
    def low(self) -> FloatArray:
        """Return the user's minimums [B, 3]."""
        return self.limits[:, _LOW]

    @property
    def high(self) -> FloatArray:
        """Return the user's maximums [B, 3]."""
        return self.limits[:, _HIGH]


def rows_of(subjects: Sequence[Subject]) -> SubjectRows:
    """The rows in the order of the subjects."""
    table = np.array([item.figures for item in subjects], dtype=np.float64)
    table = table.reshape(len(subjects), 9 + lim.LIMITS_COUNT + 6)
    ends = np.cumsum([3, 3, 3, lim.LIMITS_COUNT, 3, 1, 1])
    current, last, previous, limits, incumbent, fixed, hold, killed_at = (
        contiguous(part) for part in np.split(table, ends, axis=1)
    )
    single = (fixed[:, 0], hold[:, 0], killed_at[:, 0])
    return SubjectRows(current, last, previous, limits, incumbent, *single)
