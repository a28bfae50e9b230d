"""From the incumbent over shadow and canary to live, and back: a pure state machine.

    INCUMBENT --gate let it in--> SHADOW --agreement--> CANARY --no regression--> LIVE
        ^                           |                     |                        |
        +---------------------------+---------------------+------------------------+
     regression, OOM kills, memory near its limit, flapping, unusable proposals, gate closed

In SHADOW the policy only recommends: its violations are those that the twin expects of it. In
CANARY and LIVE it acts and they are measured. A policy that was sent back is barred.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from components.policy import sequential_test
from components.recommender.phase_settings import PhaseSettings
from components.recommender.phase_state import CANARY, INCUMBENT, LIVE, SHADOW, PhaseState
from components.recommender.reference import BAD, Reference

_MOST_BARRED = 8


@dataclass(frozen=True, slots=True)
class Interval:
    """What one decision interval showed of the policy.

    `violation`: the share of requests that missed the objective, in [0, 1], NaN when unknown.
    `usable`: whether it proposed an allocation. `oom_kills`, `reversals`: how often a container
    was killed for memory, how often a change undid the one before it. `near_limit`: whether memory
    came near what it is killed at.
    """

    violation: float
    usable: bool = True
    oom_kills: int = 0
    reversals: int = 0
    near_limit: bool = False


def advance(
    state: PhaseState,
    interval: Interval,
    digest: str,
    gate_open: bool,
    reference: Reference | None,
    settings: PhaseSettings,
    now_s: float,
) -> PhaseState:
    """The state after one more interval.

    `digest` is the policy that the channel names now (empty: none), `gate_open` whether its
    validation let it in. Without a reference long enough nothing is promoted.
    """
    if not digest or not gate_open:
        return _without_policy(state, digest, now_s)
    if digest in state.barred:
        if (state.phase, state.digest) == (INCUMBENT, digest):
            return state  # it still says why it was sent back
        return _at(state, INCUMBENT, "Barred", "this policy was sent back before", now_s, digest)
    if digest != state.digest or state.phase == INCUMBENT:
        return _at(state, SHADOW, "NewPolicy", "a new policy shows what it would do", now_s, digest)
    state = _counted(state, interval, reference, settings)
    if reference is not None:
        state = _bet(state, interval, reference)
    fault = _fault(state, reference, settings)
    if fault is not None:
        barred = (*state.barred, digest)[-_MOST_BARRED:]
        return replace(_at(state, INCUMBENT, *fault, now_s, digest), barred=barred)
    return _promoted(state, reference, settings, now_s)


def _without_policy(state: PhaseState, digest: str, now_s: float) -> PhaseState:
    if digest:
        return _at(state, INCUMBENT, "GateClosed", "validation did not let it in", now_s, digest)
    return _at(state, INCUMBENT, "NoPolicy", "there is no policy: the incumbent acts", now_s, "")


def _at(
    state: PhaseState, phase: str, reason: str, message: str, now_s: float, digest: str
) -> PhaseState:
    """A phase from its beginning; nothing changes where it is there already for this reason."""
    if (state.phase, state.reason, state.digest) == (phase, reason, digest):
        return state
    return PhaseState(
        phase=phase,
        since_s=now_s,
        reason=reason,
        message=message,
        digest=digest,
        barred=state.barred,
    )


def _counted(
    state: PhaseState, interval: Interval, reference: Reference | None, settings: PhaseSettings
) -> PhaseState:
    """The counts after one more interval; what is unknown neither speaks for it nor against."""
    known = math.isfinite(interval.violation)
    usual_kills = reference.oom_kills_per_interval if reference else 0.0
    leak = usual_kills + settings.oom_kills_forgiven
    reversals = max(0.0, state.reversals - settings.reversals_forgiven) + interval.reversals
    usually_near = reference.near_limit_per_interval if reference else 0.0
    near_leak = usually_near + settings.oom_kills_forgiven
    bad = (state.bad + 1 if interval.violation >= BAD else 0) if known else state.bad
    return replace(
        state,
        intervals=state.intervals + known,
        violations=state.violations + (_share(interval.violation) if known else 0.0),
        invalid=0 if interval.usable else state.invalid + 1,
        bad=bad,
        oom_kills=max(0.0, state.oom_kills - leak) + interval.oom_kills,
        reversals=reversals,
        near_limit=max(0.0, state.near_limit - near_leak) + interval.near_limit,
    )


def _bet(state: PhaseState, interval: Interval, reference: Reference) -> PhaseState:
    """Adds the interval to its block and, when the block is full, lets the bettors bet on it."""
    if not math.isfinite(interval.violation):
        return state
    total = state.block_sum + _share(interval.violation)
    count = state.block_count + 1
    if count < reference.block_intervals:
        return replace(state, block_sum=total, block_count=count)
    x, limit = np.asarray(total / count), np.asarray(reference.limit)
    harm, benefit = np.asarray(state.harm), np.asarray(state.benefit)
    if state.phase == LIVE:
        harm = sequential_test.topped_up(harm)
    harm = sequential_test.bet_above(harm, x, limit)
    benefit = sequential_test.bet_below(benefit, x, limit)
    return replace(
        state,
        block_sum=0.0,
        block_count=0,
        harm=tuple(float(value) for value in harm),
        benefit=tuple(float(value) for value in benefit),
    )


def _fault(
    state: PhaseState, reference: Reference | None, settings: PhaseSettings
) -> tuple[str, str] | None:
    """Why the policy is sent back: reason and message; None where it isn't."""
    if state.invalid >= settings.most_invalid:
        return "UnusableProposals", f"{state.invalid} intervals in a row without a usable proposal"
    if state.oom_kills >= settings.most_oom_kills:
        return "OomKills", f"containers were killed for memory {state.oom_kills:.1f} times lately"
    if state.near_limit >= settings.most_near_limit:
        return (
            "MemoryNearLimit",
            f"memory came near its limit in {state.near_limit:.1f} intervals lately",
        )
    if state.reversals >= settings.most_reversals:
        return "Flapping", f"{state.reversals:.1f} changes lately undid the one before"
    usual = reference.longest_bad_streak if reference else 0
    longest = max(settings.most_bad, math.ceil(settings.streak_margin * usual))
    if state.bad >= longest:
        return (
            "Violations",
            f"{state.bad} intervals in a row violated, the incumbent's most: {usual}",
        )
    alarm = settings.live_alarm if state.phase == LIVE else settings.harm_alarm
    against = float(sequential_test.evidence(np.asarray(state.harm)))
    if against >= alarm:
        words = f"violations are above the limit: evidence {against:.1f} of {alarm:.1f}"
        return "Regression", words
    return None


def _promoted(
    state: PhaseState, reference: Reference | None, settings: PhaseSettings, now_s: float
) -> PhaseState:
    """The next phase where the evidence allows it, else the same.

    Shadow's violations are the twin's: enough of them within the limit are agreement, and no more
    is claimed. Canary's are measured, and decided on by the sequential test.
    """
    if reference is None or reference.intervals < settings.shortest_reference:
        return state
    if state.phase == SHADOW and state.intervals >= settings.shadow_intervals:
        mean = state.violations / state.intervals
        if mean <= reference.limit:
            words = f"expected violations {mean:.4f} are within the limit {reference.limit:.4f}"
            return _at(state, CANARY, "ShadowAgreed", words, now_s, state.digest)
    if state.phase == CANARY and state.intervals >= settings.canary_intervals:
        good = float(sequential_test.evidence(np.asarray(state.benefit)))
        if good >= settings.benefit_needed:
            words = f"no regression in {state.intervals} intervals: evidence {good:.1f}"
            return _at(state, LIVE, "CanaryPassed", words, now_s, state.digest)
    return state


def _share(violation: float) -> float:
    return min(max(violation, 0.0), 1.0)
