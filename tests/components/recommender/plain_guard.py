"""The guard once more, for one workload and in plain Python: what the compiled one must equal.

Written from the promises, without arrays: `test_guard_rows` compares the two over random histories.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace

from components.recommender.allocation import CPU, DIMENSIONS, MEMORY, REPLICAS
from components.recommender.guard_settings import GuardSettings
from components.workload.spec import Bounds

Triple = tuple[int, int, int]
_MOST_KEPT = 32
_IMPOSSIBLE = 1e18
NEVER = (-math.inf,) * 3


@dataclass(frozen=True, slots=True)
class PlainEvidence:
    """As the rows of evidence: age, gap, unlike, working set, CPU."""

    age_s: float
    missing: bool
    out_of_distribution: bool
    working_set_bytes: float
    cpu_usage_m: float


@dataclass(frozen=True, slots=True)
class PlainState:
    """Since when it is watched, what was wanted when, when each dimension grew and shrank."""

    watched_since_s: float
    wanted: tuple[tuple[float, Triple], ...]
    looked_s: float
    grown_s: tuple[float, ...] = NEVER
    shrunk_s: tuple[float, ...] = NEVER


@dataclass(frozen=True, slots=True)
class PlainSituation:
    """What one decision is guarded by; `hold` is "owner", "rollout" or nothing."""

    now_s: float
    previous: Triple
    bounds: Bounds
    evidence: PlainEvidence
    hold: str = ""


@dataclass(slots=True)
class PlainGuarded:
    """The allocation, the codes of the reasons with their dimension, and the state."""

    values: Triple
    codes: list[tuple[str, str]] = field(default_factory=list)
    state: PlainState = field(default_factory=lambda: PlainState(0.0, (), 0.0))


def plain_guard(
    proposed: tuple[float, float, float] | None,
    situation: PlainSituation,
    state: PlainState | None,
    settings: GuardSettings,
) -> PlainGuarded:
    """One decision."""
    now_s, previous, bounds = situation.now_s, situation.previous, situation.bounds
    evidence = situation.evidence
    state = _watched(state, previous, now_s, settings)
    low = (bounds.replicas_min, bounds.cpu_min_m, bounds.memory_min_bytes)
    high = (bounds.replicas_max, bounds.cpu_max_m, bounds.memory_max_bytes)
    held = _held(proposed, situation, low, high, settings)
    untrue = _no_truth(evidence, settings)
    if held or proposed is None:
        cause = untrue if untrue and not situation.hold else held
        return PlainGuarded(previous, [(cause, "")], state)
    if untrue:
        kept = _triple([max(value, least) for value, least in zip(previous, low, strict=True)])
        return PlainGuarded(kept, [(untrue, "")], _changed(state, previous, kept, now_s))
    codes = []
    wanted = []
    for name, value, least, most in zip(DIMENSIONS, map(round, proposed), low, high, strict=True):
        wanted.append(min(max(value, least), most))
        if wanted[-1] != value:
            codes.append(("BoundMax" if value > most else "BoundMin", name))
    state = replace(state, wanted=(*state.wanted, (now_s, _triple(wanted))))
    may_shrink = not evidence.out_of_distribution
    values = []
    for dimension, (new, old) in enumerate(zip(wanted, previous, strict=True)):
        value, code = _paced(dimension, new, old, state, may_shrink, now_s, settings)
        if dimension != REPLICAS and abs(value - old) < settings.smallest_change * old:
            value = old
        values.append(value)
        codes += [(code, DIMENSIONS[dimension])] if code else []
    had = previous[REPLICAS] * previous[CPU]
    needed = min(had, math.ceil(evidence.cpu_usage_m * settings.cpu_margin))
    if values[REPLICAS] * values[CPU] < needed:
        most_cpu = max(previous[CPU], values[CPU])
        values[CPU] = max(min(most_cpu, math.ceil(needed / values[REPLICAS])), values[CPU])
        values[REPLICAS] = max(values[REPLICAS], math.ceil(needed / values[CPU]))
        codes.append(("CpuInUse", "cpu"))
    for dimension, (old, least, most) in enumerate(zip(previous, low, high, strict=True)):
        ceiling = most if may_shrink else max(most, old)
        values[dimension] = min(max(values[dimension], least), ceiling)
    floor = math.ceil(evidence.working_set_bytes * settings.memory_margin)
    floor = min(floor, max(bounds.memory_max_bytes, previous[MEMORY]))
    if values[MEMORY] < floor:
        values[MEMORY] = floor
        codes.append(("WorkingSet", "memory"))
    done = _triple(values)
    return PlainGuarded(done, codes, _changed(state, previous, done, now_s))


def _triple(values: list[int]) -> Triple:
    return values[0], values[1], values[2]


def _watched(
    state: PlainState | None, previous: Triple, now_s: float, settings: GuardSettings
) -> PlainState:
    begin = ((now_s, previous),)
    if state is None:
        return PlainState(now_s, begin, now_s)
    silence_s = now_s - state.wanted[-1][0]
    if now_s < state.looked_s or not 0 <= silence_s <= settings.longest_gap_s:
        grown = tuple(min(time_s, now_s) for time_s in state.grown_s)
        shrunk = tuple(min(time_s, now_s) for time_s in state.shrunk_s)
        return PlainState(now_s, begin, now_s, grown, shrunk)
    kept = [item for item in state.wanted if now_s - item[0] < settings.shrink_window_s]
    return replace(state, wanted=tuple(kept[-_MOST_KEPT:]) or begin, looked_s=now_s)


def _changed(state: PlainState, before: Triple, after: Triple, now_s: float) -> PlainState:
    pairs = list(zip(before, after, strict=True))
    grown = [
        now_s if new > old else at for (old, new), at in zip(pairs, state.grown_s, strict=True)
    ]
    shrunk = [
        now_s if new < old else at for (old, new), at in zip(pairs, state.shrunk_s, strict=True)
    ]
    return replace(state, grown_s=tuple(grown), shrunk_s=tuple(shrunk))


def _held(
    proposed: tuple[float, float, float] | None,
    situation: PlainSituation,
    low: Triple,
    high: Triple,
    settings: GuardSettings,
) -> str:
    if situation.hold:
        return {"owner": "OtherOwner", "rollout": "RolloutInProgress"}[situation.hold]
    if proposed is None:
        return "NoProposal"
    usable = all(
        value > 0 and least / settings.implausible <= value <= most * settings.implausible
        for value, least, most in zip(proposed, low, high, strict=True)
    )
    return "" if usable else "InvalidProposal"


def _no_truth(evidence: PlainEvidence, settings: GuardSettings) -> str:
    known = (evidence.working_set_bytes, evidence.cpu_usage_m)
    if evidence.missing or not all(0 <= value < _IMPOSSIBLE for value in known):
        return "TelemetryMissing"
    fresh = -settings.ahead_s <= evidence.age_s <= settings.stale_after_s
    return "" if fresh else "TelemetryStale"


def _paced(
    dimension: int,
    new: int,
    old: int,
    state: PlainState,
    may_shrink: bool,
    now_s: float,
    settings: GuardSettings,
) -> tuple[int, str]:
    if new == old:
        return old, ""
    if new > old:
        if now_s - state.grown_s[dimension] < settings.growth_cool_down_s:
            return old, "GrowthCoolDown"
        limit = step_up(dimension, old, settings)
        return (limit, "GrowthStep") if new > limit else (new, "")
    if not may_shrink:
        return old, "OutOfDistribution"
    if now_s - state.shrunk_s[dimension] < settings.shrink_cool_down_s:
        return old, "ShrinkCoolDown"
    whole_window = now_s - state.watched_since_s >= settings.shrink_window_s
    largest = max(wanted[dimension] for _, wanted in state.wanted)
    if not whole_window or largest >= old:
        return old, "Stabilised"
    limit = step_down(dimension, old, settings)
    if largest < limit:
        return limit, "ShrinkStep"
    return (largest, "Stabilised") if largest > new else (new, "")


def step_up(dimension: int, old: int, settings: GuardSettings) -> int:
    """The most that a dimension may grow to in one decision."""
    if dimension == REPLICAS:
        return old + max(settings.replicas_growth_count, int(old * settings.replicas_growth))
    share = settings.cpu_growth if dimension == CPU else settings.memory_growth
    return old + max(1, int(old * share))


def step_down(dimension: int, old: int, settings: GuardSettings) -> int:
    """The least that a dimension may shrink to in one decision."""
    shares = (settings.replicas_shrink, settings.cpu_shrink, settings.memory_shrink)
    return old - max(1, int(old * shares[dimension]))
