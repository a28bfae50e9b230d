"""What the guard remembers of a workload between two decisions, as a row of numbers."""

from __future__ import annotations

import numpy as np

from components.cluster.compiled import FloatArray, compiled
from components.recommender.guard_settings import LONGEST_GAP_S, SHRINK_WINDOW_S

DIMENSION_COUNT = 3
# However often decisions come, no more than this many are kept of the window, and the newest.
MOST_KEPT = 32

# The start of the unbroken watch (a shrink needs a whole window of it); how many wanted
# allocations are kept (0: the workload was never seen); when each dimension last grew and shrank;
# the times of what was wanted within the bounds, oldest first; what was wanted; the last look.
WATCHED_SINCE_S = 0
KEPT = 1
GROWN_S = 2
SHRUNK_S = GROWN_S + DIMENSION_COUNT
TIMES_S = SHRUNK_S + DIMENSION_COUNT
WANTED = TIMES_S + MOST_KEPT + 1
LOOKED_S = WANTED + DIMENSION_COUNT * (MOST_KEPT + 1)
GUARD_STATE_COUNT = LOOKED_S + 1


def empty_guard_states(count: int) -> FloatArray:
    """States [B, G] of workloads that were never seen."""
    states = np.zeros((count, GUARD_STATE_COUNT))
    states[:, GROWN_S:TIMES_S] = -np.inf
    return states


@compiled
def begin_watch(state: FloatArray, previous: FloatArray, now_s: float) -> None:
    """Watch anew, with what is there as the first thing wanted."""
    state[WATCHED_SINCE_S] = now_s
    state[KEPT] = 0.0
    add_wanted(state, previous, now_s)


@compiled
def add_wanted(state: FloatArray, wanted: FloatArray, now_s: float) -> None:
    """Remember one more wanted allocation [3]."""
    kept = int(state[KEPT])
    state[TIMES_S + kept] = now_s
    start = WANTED + kept * DIMENSION_COUNT
    state[start : start + DIMENSION_COUNT] = wanted
    state[KEPT] = kept + 1.0


@compiled
def watch(state: FloatArray, previous: FloatArray, now_s: float, settings: FloatArray) -> None:
    """Bring the state to a time: what is older than the window is forgotten.

    A first look, a silence and a clock that jumped start the watch anew; after a jump back,
    cool-downs count from now.
    """
    kept = int(state[KEPT])
    jumped_back = now_s < state[LOOKED_S]
    state[LOOKED_S] = now_s
    if kept == 0:
        begin_watch(state, previous, now_s)
        return
    silence_s = now_s - state[TIMES_S + kept - 1]
    if jumped_back or not 0.0 <= silence_s <= settings[LONGEST_GAP_S]:
        for index in range(GROWN_S, TIMES_S):
            state[index] = min(state[index], now_s)
        begin_watch(state, previous, now_s)
        return
    first = max(0, kept - MOST_KEPT)
    while first < kept and now_s - state[TIMES_S + first] >= settings[SHRINK_WINDOW_S]:
        first += 1
    if first == kept:
        state[KEPT] = 0.0
        add_wanted(state, previous, now_s)
        return
    for index in range(first, kept):
        state[TIMES_S + index - first] = state[TIMES_S + index]
        for dimension in range(DIMENSION_COUNT):
            to = WANTED + (index - first) * DIMENSION_COUNT + dimension
            state[to] = state[WANTED + index * DIMENSION_COUNT + dimension]
    state[KEPT] = float(kept - first)


@compiled
def note_change(state: FloatArray, before: FloatArray, after: FloatArray, now_s: float) -> None:
    """Remember when each dimension grew or shrank."""
    for dimension in range(DIMENSION_COUNT):
        if after[dimension] > before[dimension]:
            state[GROWN_S + dimension] = now_s
        elif after[dimension] < before[dimension]:
            state[SHRUNK_S + dimension] = now_s


@compiled
def largest_wanted(state: FloatArray, dimension: int, now_s: float, settings: FloatArray) -> float:
    """The largest of the window in one dimension; infinite before a whole window was watched."""
    if now_s - state[WATCHED_SINCE_S] < settings[SHRINK_WINDOW_S]:
        return np.inf
    largest = 0.0
    for index in range(int(state[KEPT])):
        largest = max(largest, state[WANTED + index * DIMENSION_COUNT + dimension])
    return float(largest)
