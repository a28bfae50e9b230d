"""What the guard remembers of one workload between two decisions."""

from __future__ import annotations

from dataclasses import dataclass, replace

from components.recommender.allocation import Triple
from components.recommender.guard_settings import GuardSettings

# However often decisions come, no more than this many are kept of the window.
_MOST_KEPT = 32

Times = tuple[float, float, float]
NEVER: Times = (float("-inf"),) * 3


@dataclass(frozen=True, slots=True)
class GuardState:
    """`watched_since_s`: the start of the unbroken watch; a shrink needs a whole window of it.

    `wanted`: times and what was wanted within the bounds, oldest first. `grown_s`, `shrunk_s`: the
    last change of replicas, CPU and memory.
    """

    watched_since_s: float
    wanted: tuple[tuple[float, Triple], ...]
    grown_s: Times = NEVER
    shrunk_s: Times = NEVER


def watched(
    state: GuardState | None, previous: Triple, now_s: float, settings: GuardSettings
) -> GuardState:
    """The state at a time, without what is older than the window.

    A first look, a silence and a clock that jumped start the watch anew, with what is there as the
    first thing wanted; after a jump back, cool-downs count from now.
    """
    if state is None:
        return GuardState(now_s, ((now_s, previous),))
    silence_s = now_s - state.wanted[-1][0]
    if not 0 <= silence_s <= settings.longest_gap_s:
        return GuardState(
            now_s,
            ((now_s, previous),),
            grown_s=_not_after(state.grown_s, now_s),
            shrunk_s=_not_after(state.shrunk_s, now_s),
        )
    kept = [item for item in state.wanted if now_s - item[0] < settings.shrink_window_s]
    return replace(state, wanted=tuple(kept[-_MOST_KEPT:]) or ((now_s, previous),))


def with_wanted(state: GuardState, wanted: Triple, now_s: float) -> GuardState:
    """The state after one more thing was wanted."""
    return replace(state, wanted=(*state.wanted, (now_s, wanted)))


def with_change(state: GuardState, before: Triple, after: Triple, now_s: float) -> GuardState:
    """The state after an allocation was given."""
    changes = list(zip(before, after, state.grown_s, state.shrunk_s, strict=True))
    grown = [now_s if new > old else grown_s for old, new, grown_s, _ in changes]
    shrunk = [now_s if new < old else shrunk_s for old, new, _, shrunk_s in changes]
    return replace(
        state, grown_s=(grown[0], grown[1], grown[2]), shrunk_s=(shrunk[0], shrunk[1], shrunk[2])
    )


def largest_wanted(
    state: GuardState, dimension: int, now_s: float, settings: GuardSettings
) -> int | None:
    """The largest of the window in one dimension; None before a whole window was watched."""
    if now_s - state.watched_since_s < settings.shrink_window_s:
        return None
    return max(wanted[dimension] for _, wanted in state.wanted)


def _not_after(times_s: Times, now_s: float) -> Times:
    return min(times_s[0], now_s), min(times_s[1], now_s), min(times_s[2], now_s)
