"""The guard between a policy and a workload: a pure function that keeps the promises of safety.

In the order in which they outrank each other:

1. Another owner, a rollout, a proposal that is no number or out of all range: nothing changes.
2. Telemetry that is missing or stale: nothing changes, except up to a minimum the user raised.
   Telemetry unlike what the policy was trained on: nothing shrinks.
3. Memory is never below the working set and its margin, as far as the user's maximum allows, and
   never shrinks below it for that maximum.
4. The user's bounds hold.
5. Capacity (replicas times CPU) never shrinks below the CPU in use and its margin.
6. What shrinks shrinks to the largest proposal of the window, once per cool-down, by one step.
7. What grows grows by one step, once per cool-down; changes too small to matter aren't made.

One compiled function guards one workload, and another calls it for each row of a batch.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from components.cluster.compiled import FloatArray, compiled, contiguous
from components.recommender.allocation import MEMORY
from components.recommender.guard_limits import (
    bring_into_bounds,
    cut_to_bounds,
    keep_capacity,
    keep_memory,
    note,
)
from components.recommender.guard_pace import pace
from components.recommender.guard_settings import AHEAD_S, IMPLAUSIBLE, STALE_AFTER_S, GuardSettings
from components.recommender.guard_state import DIMENSION_COUNT, add_wanted, note_change, watch
from components.recommender.reasons import (
    HOLD_SLOT,
    INVALID_PROPOSAL,
    NO_PROPOSAL,
    SLOT_COUNT,
    TELEMETRY_MISSING,
    TELEMETRY_STALE,
)

# No cluster has so many bytes or millicores: a wrong unit or an overflow, not a measurement.
_IMPOSSIBLE = 1e18

# What telemetry says of a workload now, a row [EVIDENCE_COUNT]: the age of its newest sample
# (s), what is missing (0 for nothing; see `measures`), whether it is unlike what the policy
# was trained on, the largest working set of all pods (bytes) and the CPU of all together (m);
# NaN where unknown.
AGE_S = 0
MISSING = 1
UNLIKE = 2
WORKING_SET_BYTES = 3
CPU_USAGE_M = 4
EVIDENCE_COUNT = 5


@dataclass(frozen=True, slots=True)
class Circumstances:
    """All that the decisions about B workloads are guarded by.

    previous, low and high [B, 3]: replicas, millicores and bytes from which they start, and the
    user's bounds. evidence [B, EVIDENCE_COUNT]. hold [B]: 0, or the reason (OTHER_OWNER,
    ROLLOUT_IN_PROGRESS) for which nothing may change.
    """

    now_s: float
    previous: FloatArray
    low: FloatArray
    high: FloatArray
    evidence: FloatArray
    hold: FloatArray


def guard(
    proposed: FloatArray, circumstances: Circumstances, states: FloatArray, settings: GuardSettings
) -> tuple[FloatArray, FloatArray]:
    """Turn proposals [B, 3] (a row of NaN: none) into what may be recommended.

    Returns (allocations [B, 3], told [B, SLOT_COUNT, 3]: why each isn't what was proposed, in
    words by `reasons_of`). states [B, G] are brought up to date.
    """
    allocations = contiguous(circumstances.previous).copy()
    told = np.zeros((len(allocations), SLOT_COUNT, DIMENSION_COUNT))
    guard_rows(
        contiguous(proposed),
        circumstances.now_s,
        contiguous(circumstances.previous),
        contiguous(circumstances.low),
        contiguous(circumstances.high),
        contiguous(circumstances.evidence),
        contiguous(circumstances.hold),
        states,
        settings.row(),
        allocations,
        told,
    )
    return allocations, told


@compiled
def guard_rows(
    proposed: FloatArray,
    now_s: float,
    previous: FloatArray,
    low: FloatArray,
    high: FloatArray,
    evidence: FloatArray,
    hold: FloatArray,
    states: FloatArray,
    settings: FloatArray,
    allocations: FloatArray,
    told: FloatArray,
) -> None:
    """guard_one for each row."""
    for row in range(proposed.shape[0]):
        guard_one(
            proposed[row],
            now_s,
            previous[row],
            low[row],
            high[row],
            evidence[row],
            hold[row],
            states[row],
            settings,
            allocations[row],
            told[row],
        )


@compiled
def guard_one(
    proposed: FloatArray,
    now_s: float,
    previous: FloatArray,
    low: FloatArray,
    high: FloatArray,
    evidence: FloatArray,
    hold: float,
    state: FloatArray,
    settings: FloatArray,
    values: FloatArray,
    told: FloatArray,
) -> None:
    """One workload: values [3] come in as the previous allocation, leave as what may be given."""
    watch(state, previous, now_s, settings)
    untrue = no_truth(evidence, settings)
    held = int(hold)
    if held == 0:
        held = unusable(proposed, low, high, settings)
        if held != 0 and untrue != 0:
            # Without a truth to decide on there is no usable proposal: the cause is told.
            held = untrue
    if held != 0:
        note(told, HOLD_SLOT, held, settings[STALE_AFTER_S], evidence[MISSING])
        return
    if untrue != 0:
        note(told, HOLD_SLOT, untrue, settings[STALE_AFTER_S], evidence[MISSING])
        for dimension in range(DIMENSION_COUNT):
            values[dimension] = max(previous[dimension], low[dimension])
        note_change(state, previous, values, now_s)
        return
    for dimension in range(DIMENSION_COUNT):
        values[dimension] = np.rint(proposed[dimension])
    cut_to_bounds(values, low, high, told)
    add_wanted(state, values, now_s)
    may_shrink = evidence[UNLIKE] == 0.0
    pace(values, previous, state, may_shrink, now_s, settings, told)
    keep_capacity(values, previous, evidence[CPU_USAGE_M], settings, told)
    bring_into_bounds(values, previous, low, high, may_shrink)
    keep_memory(values, previous, high[MEMORY], evidence[WORKING_SET_BYTES], settings, told)
    note_change(state, previous, values, now_s)


@compiled
def unusable(proposed: FloatArray, low: FloatArray, high: FloatArray, settings: FloatArray) -> int:
    """Why a proposal [3] can't be followed, 0 where it can: NaN compares as false."""
    if np.isnan(proposed).all():
        return NO_PROPOSAL
    factor = settings[IMPLAUSIBLE]
    for dimension in range(DIMENSION_COUNT):
        value = proposed[dimension]
        plausible = low[dimension] / factor <= value <= high[dimension] * factor
        if not (value > 0.0 and plausible):
            return INVALID_PROPOSAL
    return 0


@compiled
def no_truth(evidence: FloatArray, settings: FloatArray) -> int:
    """Why telemetry can't be decided on, 0 where it can."""
    known = (
        0.0 <= evidence[WORKING_SET_BYTES] < _IMPOSSIBLE
        and 0.0 <= evidence[CPU_USAGE_M] < _IMPOSSIBLE
    )
    if evidence[MISSING] != 0.0 or not known:
        return TELEMETRY_MISSING
    if not -settings[AHEAD_S] <= evidence[AGE_S] <= settings[STALE_AFTER_S]:
        return TELEMETRY_STALE
    return 0
