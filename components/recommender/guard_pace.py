"""How fast an allocation may change: window, cool-downs, steps, changes too small to make."""

from __future__ import annotations

from components.recommender.allocation import CPU, DIMENSIONS, MEMORY, REPLICAS, Triple
from components.recommender.guard_settings import GuardSettings
from components.recommender.guard_state import GuardState, largest_wanted
from components.recommender.reasons import Reason


def paced(
    wanted: Triple,
    previous: Triple,
    state: GuardState,
    may_shrink: bool,
    now_s: float,
    settings: GuardSettings,
) -> tuple[Triple, list[Reason]]:
    """How far each dimension may go now, and what slowed it."""
    reasons: list[Reason] = []
    paced_values = []
    for dimension, (new, old) in enumerate(zip(wanted, previous, strict=True)):
        if new > old:
            value, reason = _growth(dimension, new, old, state, now_s, settings)
        elif new < old:
            value, reason = _shrink(dimension, new, old, state, may_shrink, now_s, settings)
        else:
            value, reason = old, None
        if dimension != REPLICAS and abs(value - old) < settings.smallest_change * old:
            value = old
        paced_values.append(value)
        reasons.extend([reason] if reason else [])
    return (paced_values[0], paced_values[1], paced_values[2]), reasons


def _growth(
    dimension: int, new: int, old: int, state: GuardState, now_s: float, settings: GuardSettings
) -> tuple[int, Reason | None]:
    name = DIMENSIONS[dimension]
    if now_s - state.grown_s[dimension] < settings.growth_cool_down_s:
        return old, Reason("GrowthCoolDown", name, f"{name} grew a moment ago")
    limit = largest_step_up(dimension, old, settings)
    if new > limit:
        return limit, Reason("GrowthStep", name, f"{name} grows to {limit} first, not to {new}")
    return new, None


def _shrink(
    dimension: int,
    new: int,
    old: int,
    state: GuardState,
    may_shrink: bool,
    now_s: float,
    settings: GuardSettings,
) -> tuple[int, Reason | None]:
    name = DIMENSIONS[dimension]
    if not may_shrink:
        message = f"{name} doesn't shrink on telemetry unlike what the policy was trained on"
        return old, Reason("OutOfDistribution", name, message)
    if now_s - state.shrunk_s[dimension] < settings.shrink_cool_down_s:
        return old, Reason("ShrinkCoolDown", name, f"{name} shrank a moment ago")
    largest = largest_wanted(state, dimension, now_s, settings)
    if largest is None or largest >= old:
        message = f"{name} shrinks when that was wanted for {settings.shrink_window_s:g} s"
        return old, Reason("Stabilised", name, message)
    limit = largest_step_down(dimension, old, settings)
    if largest < limit:
        return limit, Reason("ShrinkStep", name, f"{name} shrinks to {limit} first, not to {new}")
    if largest > new:
        message = f"{name} shrinks to {largest}, the most that was wanted lately, not to {new}"
        return largest, Reason("Stabilised", name, message)
    return new, None


def largest_step_up(dimension: int, old: int, settings: GuardSettings) -> int:
    """The most that a dimension may grow to in one decision.

    | dimension | had | at most, by default |
    |-----------|-----|---------------------|
    | replicas  | 1   | 5 (4 more)          |
    | replicas  | 10  | 20 (100 % more)     |
    | CPU       | 300 | 600                 |
    """
    if dimension == REPLICAS:
        return old + max(settings.replicas_growth_count, int(old * settings.replicas_growth))
    share = settings.cpu_growth if dimension == CPU else settings.memory_growth
    return old + max(1, int(old * share))


def largest_step_down(dimension: int, old: int, settings: GuardSettings) -> int:
    """The least that a dimension may shrink to in one decision.

    | dimension | had | at least, by default |
    |-----------|-----|----------------------|
    | replicas  | 2   | 1                    |
    | replicas  | 5   | 3 (50 %, rounded)    |
    | CPU       | 300 | 210 (30 % less)      |
    | memory    | 100 | 80 (20 % less)       |
    """
    shares = {
        REPLICAS: settings.replicas_shrink,
        CPU: settings.cpu_shrink,
        MEMORY: settings.memory_shrink,
    }
    return old - max(1, int(old * shares[dimension]))
