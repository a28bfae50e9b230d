"""What the guard allows."""

from __future__ import annotations

from dataclasses import astuple, dataclass

import numpy as np

from components.cluster.compiled import FloatArray

# The order of the fields in a row of settings, as compiled functions read them.
STALE_AFTER_S = 0
AHEAD_S = 1
MEMORY_MARGIN = 2
CPU_MARGIN = 3
IMPLAUSIBLE = 4
SMALLEST_CHANGE = 5
SHRINK_WINDOW_S = 6
LONGEST_GAP_S = 7
SHRINK_COOL_DOWN_S = 8
GROWTH_COOL_DOWN_S = 9
REPLICAS_GROWTH_COUNT = 10
GROWTH = 11
SHRINK = 14


@dataclass(frozen=True, slots=True)
class GuardSettings:
    """Times in seconds; shares of what the workload has.

    `stale_after_s`: telemetry older than four 15 s steps is no truth to shrink on; younger than
    `ahead_s` before now it comes from a wrong clock. `memory_margin`, `cpu_margin`: above the
    working set and above the CPU in use. `implausible`: a proposal so many times outside the
    bounds is a fault, not a wish. `shrink_window_s`: a shrink goes to the largest proposal of this
    window (the HPA's 300 s). `longest_gap_s`: after a longer silence the window starts anew.
    """

    stale_after_s: float = 60.0
    ahead_s: float = 5.0
    memory_margin: float = 1.15
    cpu_margin: float = 1.1
    implausible: float = 10.0
    smallest_change: float = 0.05
    shrink_window_s: float = 300.0
    longest_gap_s: float = 180.0
    shrink_cool_down_s: float = 120.0
    growth_cool_down_s: float = 0.0
    replicas_growth_count: int = 4
    replicas_growth: float = 1.0
    cpu_growth: float = 1.0
    memory_growth: float = 1.0
    replicas_shrink: float = 0.5
    cpu_shrink: float = 0.3
    memory_shrink: float = 0.2

    def row(self) -> FloatArray:
        """The settings as a row; GROWTH and SHRINK begin the shares of the three dimensions."""
        return np.array(astuple(self), dtype=np.float64)
