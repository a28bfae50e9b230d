"""How fast an allocation may change: window, cool-downs, steps, changes too small to make."""

from __future__ import annotations

import math

from components.cluster.compiled import FloatArray, compiled
from components.recommender.allocation import REPLICAS
from components.recommender.guard_limits import note
from components.recommender.guard_settings import (
    GROWTH,
    GROWTH_COOL_DOWN_S,
    REPLICAS_GROWTH_COUNT,
    SHRINK,
    SHRINK_COOL_DOWN_S,
    SHRINK_WINDOW_S,
    SMALLEST_CHANGE,
)
from components.recommender.guard_state import (
    DIMENSION_COUNT,
    GROWN_S,
    SHRUNK_S,
    largest_wanted,
)
from components.recommender.reasons import (
    GROWTH_COOL_DOWN,
    GROWTH_STEP,
    OUT_OF_DISTRIBUTION,
    PACE_SLOT,
    SHRINK_COOL_DOWN,
    SHRINK_STEP,
    SHRINK_WINDOW,
    STABILISED,
)


@compiled
def pace(
    values: FloatArray,
    previous: FloatArray,
    state: FloatArray,
    may_shrink: bool,
    now_s: float,
    settings: FloatArray,
    told: FloatArray,
) -> None:
    """Turn what is wanted, values [3], into how far each dimension may go now."""
    for dimension in range(DIMENSION_COUNT):
        new, old = values[dimension], previous[dimension]
        value = new
        if new > old:
            value = growth(dimension, new, old, state, now_s, settings, told)
        elif new < old:
            value = shrink(dimension, new, old, state, may_shrink, now_s, settings, told)
        small = settings[SMALLEST_CHANGE] * old
        if dimension != REPLICAS and abs(value - old) < small:
            value = old
        values[dimension] = value


@compiled
def growth(
    dimension: int,
    new: float,
    old: float,
    state: FloatArray,
    now_s: float,
    settings: FloatArray,
    told: FloatArray,
) -> float:
    """How far a dimension that wants to grow may grow now."""
    slot = PACE_SLOT + dimension
    if now_s - state[GROWN_S + dimension] < settings[GROWTH_COOL_DOWN_S]:
        note(told, slot, GROWTH_COOL_DOWN, 0.0, 0.0)
        return old
    limit = largest_step_up(dimension, old, settings)
    if new > limit:
        note(told, slot, GROWTH_STEP, limit, new)
        return limit
    return new


@compiled
def shrink(
    dimension: int,
    new: float,
    old: float,
    state: FloatArray,
    may_shrink: bool,
    now_s: float,
    settings: FloatArray,
    told: FloatArray,
) -> float:
    """How far a dimension that wants to shrink may shrink now."""
    slot = PACE_SLOT + dimension
    if not may_shrink:
        note(told, slot, OUT_OF_DISTRIBUTION, 0.0, 0.0)
        return old
    if now_s - state[SHRUNK_S + dimension] < settings[SHRINK_COOL_DOWN_S]:
        note(told, slot, SHRINK_COOL_DOWN, 0.0, 0.0)
        return old
    largest = largest_wanted(state, dimension, now_s, settings)
    if largest >= old:
        note(told, slot, SHRINK_WINDOW, settings[SHRINK_WINDOW_S], 0.0)
        return old
    limit = largest_step_down(dimension, old, settings)
    if largest < limit:
        note(told, slot, SHRINK_STEP, limit, new)
        return limit
    if largest > new:
        note(told, slot, STABILISED, largest, new)
        return largest
    return new


@compiled
def largest_step_up(dimension: int, old: float, settings: FloatArray) -> float:
    """The most that a dimension may grow to in one decision.

    | dimension | had | at most, by default |
    |-----------|-----|---------------------|
    | replicas  | 1   | 5 (4 more)          |
    | replicas  | 10  | 20 (100 % more)     |
    | CPU       | 300 | 600                 |
    """
    least = settings[REPLICAS_GROWTH_COUNT] if dimension == REPLICAS else 1.0
    return float(old + max(least, math.floor(old * settings[GROWTH + dimension])))


@compiled
def largest_step_down(dimension: int, old: float, settings: FloatArray) -> float:
    """The least that a dimension may shrink to in one decision.

    | dimension | had | at least, by default |
    |-----------|-----|----------------------|
    | replicas  | 2   | 1                    |
    | replicas  | 5   | 3 (50 %, rounded)    |
    | CPU       | 300 | 210 (30 % less)      |
    | memory    | 100 | 80 (20 % less)       |
    """
    return float(old - max(1.0, math.floor(old * settings[SHRINK + dimension])))
