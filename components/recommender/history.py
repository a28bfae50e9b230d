"""The last two hours of every workload, for people to look at: a ring in memory, bounded."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from components.cluster import sample as smp
from components.cluster.compiled import FloatArray
from components.recommender.explaining import Basis
from components.recommender.recommendation import Recommendation

MOST_TICKS = 120
# What is kept of each tick: the load, then replicas, millicores and bytes of four.
RATE = 0
LATENCY = 1
IN_FORCE = 2
RECOMMENDED = 5
BY_POLICY = 8
BY_INCUMBENT = 11
FIELD_COUNT = 14

_Kept = NDArray[np.float32]


class History:
    """Rows of MOST_TICKS ticks for each workload; one that goes is forgotten."""

    def __init__(self) -> None:
        self.times_s: list[float] = []
        self._keys: list[str] = []
        self._places: dict[str, int] = {}
        self._ring: _Kept = np.zeros((0, MOST_TICKS, FIELD_COUNT), dtype=np.float32)

    def add(self, recommendations: Sequence[Recommendation], basis: Basis, now_s: float) -> None:
        """Keeps one tick."""
        self._align([item.subject.key for item in recommendations])
        self.times_s = [*self.times_s, now_s][-MOST_TICKS:]
        newest = basis.batch.raw[:, -1]
        row = np.empty((len(recommendations), FIELD_COUNT))
        row[:, RATE] = newest[:, smp.REQUEST_RATE_PER_S]
        row[:, LATENCY] = newest[:, smp.LATENCY_MS]
        row[:, IN_FORCE:RECOMMENDED] = basis.rows.current
        targets = [item.target.values for item in recommendations]
        row[:, RECOMMENDED:BY_POLICY] = np.array(targets, dtype=np.float64).reshape(-1, 3)
        row[:, BY_POLICY:BY_INCUMBENT] = basis.proposals.policy
        row[:, BY_INCUMBENT:] = basis.proposals.incumbent
        ring = np.roll(self._ring, -1, axis=1)
        ring[:, -1] = row
        # Readers in other threads go on with the ring that they have.
        self._ring = ring

    def of(self, key: str) -> tuple[list[float], FloatArray]:
        """(times [T] in seconds, values [T, FIELD_COUNT]) of one workload, NaN where unknown."""
        ring, times_s = self._ring, self.times_s
        place = self._places.get(key)
        if place is None or place >= len(ring):
            return [], np.zeros((0, FIELD_COUNT))
        count = min(len(times_s), MOST_TICKS)
        return times_s[-count:], ring[place, MOST_TICKS - count :].astype(np.float64)

    def rates(self, key: str, count: int) -> list[float | None]:
        """The last request rates of one workload."""
        _, values = self.of(key)
        return none_for_nan(values[-count:, RATE])

    def _align(self, keys: list[str]) -> None:
        if keys == self._keys:
            return
        fresh: _Kept = np.full((len(keys), MOST_TICKS, FIELD_COUNT), np.nan, dtype=np.float32)
        known = [(row, self._places[key]) for row, key in enumerate(keys) if key in self._places]
        fresh[[here for here, _ in known]] = self._ring[[there for _, there in known]]
        self._ring, self._keys = fresh, keys
        self._places = {key: row for row, key in enumerate(keys)}


def none_for_nan(values: FloatArray) -> list[float | None]:
    """The values as JSON can hold them, rounded to what a picture shows."""
    return [round(value, 4) if np.isfinite(value) else None for value in values.tolist()]
