"""The limits that hold whatever the pace: the user's bounds, and what is in use."""

from __future__ import annotations

import math

from components.cluster.compiled import FloatArray, compiled
from components.recommender.allocation import CPU, MEMORY, REPLICAS
from components.recommender.guard_settings import CPU_MARGIN, MEMORY_MARGIN
from components.recommender.guard_state import DIMENSION_COUNT
from components.recommender.reasons import (
    BOUND_MAX,
    BOUND_MIN,
    BOUND_SLOT,
    CPU_IN_USE,
    CPU_SLOT,
    MEMORY_SLOT,
    WORKING_SET,
)


@compiled
def note(told: FloatArray, slot: int, code: int, one: float, other: float) -> None:
    """Put a reason with its two figures into told [SLOT_COUNT, 3]."""
    told[slot, 0] = code
    told[slot, 1] = one
    told[slot, 2] = other


@compiled
def cut_to_bounds(values: FloatArray, low: FloatArray, high: FloatArray, told: FloatArray) -> None:
    """Cut values [3] to the bounds and tell which bound cut."""
    for dimension in range(DIMENSION_COUNT):
        value = values[dimension]
        within = min(max(value, low[dimension]), high[dimension])
        if within != value:
            code = BOUND_MAX if value > high[dimension] else BOUND_MIN
            note(told, BOUND_SLOT + dimension, code, value, within)
        values[dimension] = within


@compiled
def bring_into_bounds(
    values: FloatArray, previous: FloatArray, low: FloatArray, high: FloatArray, may_shrink: bool
) -> None:
    """Bring values [3] into the bounds; where none may shrink, not below the previous."""
    for dimension in range(DIMENSION_COUNT):
        most = high[dimension] if may_shrink else max(high[dimension], previous[dimension])
        values[dimension] = min(max(values[dimension], low[dimension]), most)


@compiled
def keep_capacity(
    values: FloatArray,
    previous: FloatArray,
    cpu_usage_m: float,
    settings: FloatArray,
    told: FloatArray,
) -> None:
    """Leave replicas times CPU above the CPU in use and its margin, if it was above before.

    CPU is given back first, up to what a replica had, then replicas. Example: 4 replicas of
    300 m use 900 m, margin 1.1. 2 of 200 m would be 400 m, below 990 m: CPU goes back to 300 m,
    replicas to ceil(990 / 300) = 4.
    """
    had = previous[REPLICAS] * previous[CPU]
    needed = min(had, math.ceil(cpu_usage_m * settings[CPU_MARGIN]))
    if values[REPLICAS] * values[CPU] >= needed:
        return
    most_cpu = max(previous[CPU], values[CPU])
    cpu = min(most_cpu, float(math.ceil(needed / values[REPLICAS])))
    values[CPU] = max(cpu, values[CPU])
    values[REPLICAS] = max(values[REPLICAS], float(math.ceil(needed / values[CPU])))
    note(told, CPU_SLOT, CPU_IN_USE, cpu_usage_m, needed)


@compiled
def keep_memory(
    values: FloatArray,
    previous: FloatArray,
    most_bytes: float,
    working_set_bytes: float,
    settings: FloatArray,
    told: FloatArray,
) -> None:
    """Raise memory to the working set and its margin.

    The user's maximum is not exceeded for it, except that memory which is in use already is not
    taken away for the sake of a maximum.
    """
    floor = float(math.ceil(working_set_bytes * settings[MEMORY_MARGIN]))
    floor = min(floor, max(most_bytes, previous[MEMORY]))
    if values[MEMORY] < floor:
        note(told, MEMORY_SLOT, WORKING_SET, working_set_bytes, floor)
        values[MEMORY] = floor
