"""The limits that hold whatever the pace: the user's bounds, and what is in use."""

from __future__ import annotations

import math

from components.recommender.allocation import (
    CPU,
    DIMENSIONS,
    MEMORY,
    REPLICAS,
    Triple,
    highest,
    lowest,
)
from components.recommender.guard_settings import GuardSettings
from components.recommender.reasons import Reason
from components.workload.spec import Bounds


def within_bounds(values: Triple, bounds: Bounds) -> tuple[Triple, list[Reason]]:
    """The values cut to the bounds, and which bound cut."""
    reasons = []
    cut = []
    for name, value, low, high in zip(
        DIMENSIONS, values, lowest(bounds), highest(bounds), strict=True
    ):
        within = min(max(value, low), high)
        if within != value:
            code = "BoundMax" if value > high else "BoundMin"
            end = "maximum" if value > high else "minimum"
            message = f"{name} {value} was proposed, the {end} allowed is {within}"
            reasons.append(Reason(code, name, message))
        cut.append(within)
    return (cut[0], cut[1], cut[2]), reasons


def raised_to_minimum(values: Triple, bounds: Bounds) -> Triple:
    """The values, raised to the minimums where they are below; nothing is lowered."""
    low = lowest(bounds)
    return max(values[0], low[0]), max(values[1], low[1]), max(values[2], low[2])


def in_bounds_now(values: Triple, previous: Triple, bounds: Bounds, may_shrink: bool) -> Triple:
    """The values in the bounds; without a truth to shrink on, no value below the previous."""
    ends = []
    for value, old, low, high in zip(
        values, previous, lowest(bounds), highest(bounds), strict=True
    ):
        ends.append(min(max(value, low), high if may_shrink else max(high, old)))
    return ends[0], ends[1], ends[2]


def capacity_kept(
    values: Triple, previous: Triple, cpu_usage_m: float, settings: GuardSettings
) -> tuple[Triple, list[Reason]]:
    """Replicas times CPU is left above the CPU in use and its margin, if it was above before.

    CPU is given back first, up to what a replica had, then replicas. Example: 4 replicas of
    300 m use 900 m, margin 1.1. 2 of 200 m would be 400 m, below 990 m: CPU goes back to 300 m,
    replicas to ceil(990 / 300) = 4.
    """
    had = previous[REPLICAS] * previous[CPU]
    needed = min(had, math.ceil(cpu_usage_m * settings.cpu_margin))
    if values[REPLICAS] * values[CPU] >= needed:
        return values, []
    most_cpu = max(previous[CPU], values[CPU])
    cpu = min(most_cpu, math.ceil(needed / values[REPLICAS]))
    cpu = max(cpu, values[CPU])
    replicas = max(values[REPLICAS], math.ceil(needed / cpu))
    message = f"{cpu_usage_m:.0f} m of CPU are in use: {needed} m are kept"
    return (replicas, cpu, values[MEMORY]), [Reason("CpuInUse", "cpu", message)]


def memory_kept(
    values: Triple,
    previous: Triple,
    bounds: Bounds,
    working_set_bytes: float,
    settings: GuardSettings,
) -> tuple[Triple, list[Reason]]:
    """Memory is raised to the working set and its margin.

    The user's maximum is not exceeded for it, except that memory which is in use already is not
    taken away for the sake of a maximum.
    """
    floor = math.ceil(working_set_bytes * settings.memory_margin)
    floor = min(floor, max(bounds.memory_max_bytes, previous[MEMORY]))
    if values[MEMORY] >= floor:
        return values, []
    message = f"the working set is {working_set_bytes:.0f} bytes: memory is at least {floor}"
    raised = (values[REPLICAS], values[CPU], floor)
    return raised, [Reason("WorkingSet", "memory", message)]
