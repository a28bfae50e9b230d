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
"""

from __future__ import annotations

from dataclasses import dataclass

from components.recommender.allocation import (
    Allocation,
    Proposal,
    highest,
    lowest,
)
from components.recommender.guard_limits import (
    capacity_kept,
    in_bounds_now,
    memory_kept,
    raised_to_minimum,
    within_bounds,
)
from components.recommender.guard_pace import paced
from components.recommender.guard_settings import GuardSettings
from components.recommender.guard_state import (
    GuardState,
    watched,
    with_change,
    with_wanted,
)
from components.recommender.reasons import Reason
from components.workload.spec import Bounds

# No cluster has so many bytes or millicores: a wrong unit or an overflow, not a measurement.
_IMPOSSIBLE = 1e18


@dataclass(frozen=True, slots=True)
class Evidence:
    """What telemetry says of a workload now.

    `age_s`: of its newest sample. `missing`: a series that the decision needs has a gap.
    `working_set_bytes`: the largest of all pods. `cpu_usage_m`: the sum over all pods. NaN where
    unknown.
    """

    age_s: float
    missing: bool
    out_of_distribution: bool
    working_set_bytes: float
    cpu_usage_m: float


@dataclass(frozen=True, slots=True)
class Circumstances:
    """All that a decision about one workload is guarded by; `other_owner` is empty for none."""

    now_s: float
    previous: Allocation
    bounds: Bounds
    evidence: Evidence
    rollout_in_progress: bool = False
    other_owner: str = ""


@dataclass(frozen=True, slots=True)
class Guarded:
    """What may be recommended, why it isn't what was proposed, and what to remember."""

    allocation: Allocation
    reasons: tuple[Reason, ...]
    state: GuardState


def guard(
    proposal: Proposal | None,
    circumstances: Circumstances,
    state: GuardState | None,
    settings: GuardSettings,
) -> Guarded:
    """Turns a proposal (None: the policy gave none) into what may be recommended."""
    now_s, previous = circumstances.now_s, circumstances.previous.values
    state = watched(state, previous, now_s, settings)
    held = _nothing_changes(proposal, circumstances, settings)
    if held is not None or proposal is None:
        return Guarded(circumstances.previous, (held,) if held else (), state)
    untrue = _no_truth(circumstances.evidence, settings)
    if untrue is not None:
        kept = raised_to_minimum(previous, circumstances.bounds)
        state = with_change(state, previous, kept, now_s)
        return Guarded(Allocation(*kept), (untrue,), state)
    asked = round(proposal.replicas), round(proposal.cpu_m), round(proposal.memory_bytes)
    wanted, reasons = within_bounds(asked, circumstances.bounds)
    state = with_wanted(state, wanted, now_s)
    may_shrink = not circumstances.evidence.out_of_distribution
    values, slowed = paced(wanted, previous, state, may_shrink, now_s, settings)
    evidence, bounds = circumstances.evidence, circumstances.bounds
    values, kept_cpu = capacity_kept(values, previous, evidence.cpu_usage_m, settings)
    values = in_bounds_now(values, previous, bounds, may_shrink)
    values, kept_memory = memory_kept(
        values, previous, bounds, evidence.working_set_bytes, settings
    )
    return Guarded(
        Allocation(*values),
        (*reasons, *slowed, *kept_cpu, *kept_memory),
        with_change(state, previous, values, now_s),
    )


def _nothing_changes(
    proposal: Proposal | None, circumstances: Circumstances, settings: GuardSettings
) -> Reason | None:
    """Why the allocation stays exactly as it is; None where it need not."""
    if circumstances.other_owner:
        return Reason("OtherOwner", "", f"{circumstances.other_owner} also scales this workload")
    if circumstances.rollout_in_progress:
        return Reason("RolloutInProgress", "", "the workload is being rolled out")
    if proposal is None:
        return Reason("NoProposal", "", "the policy proposed nothing")
    if not _plausible(proposal, circumstances.bounds, settings):
        values = ", ".join(f"{value:g}" for value in proposal.values)
        message = f"the policy proposed {values}: no allocation for these bounds"
        return Reason("InvalidProposal", "", message)
    return None


def _plausible(proposal: Proposal, bounds: Bounds, settings: GuardSettings) -> bool:
    """Whether every value is a number not far outside its bounds; NaN compares as false."""
    return all(
        value > 0 and low / settings.implausible <= value <= high * settings.implausible
        for value, low, high in zip(proposal.values, lowest(bounds), highest(bounds), strict=True)
    )


def _no_truth(evidence: Evidence, settings: GuardSettings) -> Reason | None:
    """Why telemetry can't be decided on; None where it can."""
    known = (evidence.working_set_bytes, evidence.cpu_usage_m)
    if evidence.missing or not all(0 <= value < _IMPOSSIBLE for value in known):
        message = "telemetry that the decision needs is missing: the last good one holds"
        return Reason("TelemetryMissing", "", message)
    if not -settings.ahead_s <= evidence.age_s <= settings.stale_after_s:
        message = f"telemetry is older than {settings.stale_after_s:g} s or from a wrong clock"
        return Reason("TelemetryStale", "", f"{message}: the last good one holds")
    return None
