"""The regular 15 s grid that all of a dataset's values lie on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from components.workload.telemetry import STEP_S

STEP_MS = STEP_S * 1000


@dataclass(frozen=True, slots=True)
class Grid:
    """`steps` times, `first_ms` (since 1970, UTC; a multiple of the step) and each step after."""

    first_ms: int
    steps: int

    @property
    def times_ms(self) -> npt.NDArray[np.int64]:
        """Return the times [T]."""
        return self.first_ms + STEP_MS * np.arange(self.steps, dtype=np.int64)

    @property
    def last_ms(self) -> int:
        """Return the last time."""
        return self.first_ms + STEP_MS * (self.steps - 1)

    def slots(self, times_ms: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Return for each time [N] the nearest step's index; below 0 or >= steps is outside."""
        return np.floor_divide(times_ms - self.first_ms + STEP_MS // 2, STEP_MS)


def grid_between(first_ms: int, last_ms: int) -> Grid:
    """Return the grid of all multiples of the step from first_ms to last_ms, both included."""
    first = -(-first_ms // STEP_MS)
    return Grid(first * STEP_MS, max(0, last_ms // STEP_MS - first + 1))


def grid_around(first_ms: int, last_ms: int) -> Grid:
    """Return the grid whose ends are the multiples of the step nearest to the two times."""
    first = (first_ms + STEP_MS // 2) // STEP_MS
    last = (last_ms + STEP_MS // 2) // STEP_MS
    return Grid(first * STEP_MS, last - first + 1)


def pages(grid: Grid, most_steps: int) -> list[Grid]:
    """Return the grid cut into pieces of `most_steps` at most, in order."""
    return [
        Grid(grid.first_ms + STEP_MS * begin, min(most_steps, grid.steps - begin))
        for begin in range(0, grid.steps, most_steps)
    ]
