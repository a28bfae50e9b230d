"""Why a recommendation isn't what the policy proposed: codes from the guard, words for people."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

from components.cluster.compiled import FloatArray
from components.recommender.allocation import DIMENSIONS
from components.recommender.measures import missing_words


@dataclass(frozen=True, slots=True)
class Reason:
    """A code for programs, the dimension it concerns (empty for all) and a message for people."""

    code: str
    dimension: str
    message: str


# Where in a row of told [SLOT_COUNT, 3] a reason stands: (code, a figure, another figure).
HOLD_SLOT = 0
BOUND_SLOT = 1
PACE_SLOT = 4
CPU_SLOT = 7
MEMORY_SLOT = 8
SLOT_COUNT = 9
_DIMENSION_OF_SLOT = ("", *DIMENSIONS, *DIMENSIONS, "cpu", "memory")

OTHER_OWNER = 1
ROLLOUT_IN_PROGRESS = 2
NO_PROPOSAL = 3
INVALID_PROPOSAL = 4
TELEMETRY_MISSING = 5
TELEMETRY_STALE = 6
BOUND_MAX = 7
BOUND_MIN = 8
GROWTH_COOL_DOWN = 9
GROWTH_STEP = 10
OUT_OF_DISTRIBUTION = 11
SHRINK_COOL_DOWN = 12
SHRINK_WINDOW = 13
SHRINK_STEP = 14
STABILISED = 15
CPU_IN_USE = 16
WORKING_SET = 17

# Why what was recommended last stays: there was nothing to decide on, or no usable decision.
HOLDING_CODES = (NO_PROPOSAL, INVALID_PROPOSAL, TELEMETRY_MISSING, TELEMETRY_STALE)

_Words = Callable[[str, float, float], str]
_LAST_GOOD = "the last good one holds"
_TOLD: dict[int, tuple[str, _Words]] = {
    ROLLOUT_IN_PROGRESS: ("RolloutInProgress", lambda *_: "the workload is being rolled out"),
    NO_PROPOSAL: ("NoProposal", lambda *_: "the policy proposed nothing"),
    TELEMETRY_MISSING: (
        "TelemetryMissing",
        lambda _, __, missing: f"{missing_words(int(missing))}: {_LAST_GOOD}",
    ),
    TELEMETRY_STALE: (
        "TelemetryStale",
        lambda _, most_s, __: (
            f"telemetry is older than {most_s:g} s or from a wrong clock: {_LAST_GOOD}"
        ),
    ),
    BOUND_MAX: (
        "BoundMax",
        lambda name, value, bound: (
            f"{name} {value:.0f} was proposed, the maximum allowed is {bound:.0f}"
        ),
    ),
    BOUND_MIN: (
        "BoundMin",
        lambda name, value, bound: (
            f"{name} {value:.0f} was proposed, the minimum allowed is {bound:.0f}"
        ),
    ),
    GROWTH_COOL_DOWN: ("GrowthCoolDown", lambda name, *_: f"{name} grew a moment ago"),
    GROWTH_STEP: (
        "GrowthStep",
        lambda name, step, new: f"{name} grows to {step:.0f} first, not to {new:.0f}",
    ),
    OUT_OF_DISTRIBUTION: (
        "OutOfDistribution",
        lambda name, *_: f"{name} doesn't shrink on telemetry unlike what the policy knows",
    ),
    SHRINK_COOL_DOWN: ("ShrinkCoolDown", lambda name, *_: f"{name} shrank a moment ago"),
    SHRINK_WINDOW: (
        "Stabilised",
        lambda name, window_s, _: f"{name} shrinks when that was wanted for {window_s:g} s",
    ),
    SHRINK_STEP: (
        "ShrinkStep",
        lambda name, step, new: f"{name} shrinks to {step:.0f} first, not to {new:.0f}",
    ),
    STABILISED: (
        "Stabilised",
        lambda name, most, new: (
            f"{name} shrinks to {most:.0f}, the most that was wanted lately, not to {new:.0f}"
        ),
    ),
    CPU_IN_USE: (
        "CpuInUse",
        lambda _, used_m, kept_m: f"{used_m:.0f} m of CPU are in use: {kept_m:.0f} m are kept",
    ),
    WORKING_SET: (
        "WorkingSet",
        lambda _, used, least: (
            f"the working set is {used:.0f} bytes: memory is at least {least:.0f}"
        ),
    ),
}


@lru_cache(maxsize=64)
def floor_reason(floor_bytes: float) -> Reason:
    """That the VPA's own minimum binds, and where it is set."""
    words = (
        f"memory: the VPA's minimum of {floor_bytes / 2**20:.0f} MiB binds; memory_floor_bytes in"
        " aware.autoscaling/incumbent sets it"
    )
    return Reason("VpaMinimum", "memory", words)


def reasons_of(told: FloatArray, proposed: FloatArray, other_owner: str) -> tuple[Reason, ...]:
    """The reasons in a row of told [SLOT_COUNT, 3], in the order in which they outrank.

    proposed [3] and `other_owner` are named where they are the reason.
    """
    reasons = []
    for slot, (code, one, other) in enumerate(told.tolist()):
        if code == 0:
            continue
        if code == OTHER_OWNER:
            reasons.append(Reason("OtherOwner", "", f"{other_owner} also scales this workload"))
        elif code == INVALID_PROPOSAL:
            values = ", ".join(f"{value:g}" for value in proposed)
            message = f"the policy proposed {values}: no allocation for these bounds"
            reasons.append(Reason("InvalidProposal", "", message))
        else:
            name = _DIMENSION_OF_SLOT[slot]
            word, words = _TOLD[int(code)]
            reasons.append(Reason(word, name, words(name, one, other)))
    return tuple(reasons)
