"""From proposals to guarded recommendations: pure but for what the guard is told to remember."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from components.cluster.compiled import FloatArray
from components.recommender.action_budget import Change, within_budget
from components.recommender.alignment import aligned
from components.recommender.allocation import Allocation, Proposal
from components.recommender.guard import Circumstances, guard
from components.recommender.guard_state import GROWN_S, TIMES_S, empty_guard_states
from components.recommender.phase_state import PhaseState
from components.recommender.reasons import (
    HOLD_SLOT,
    HOLDING_CODES,
    Reason,
    floor_reason,
    reasons_of,
)
from components.recommender.recommendation import Recommendation
from components.recommender.settings import RecommenderSettings
from components.recommender.subject import Subject
from components.recommender.subject_rows import SubjectRows
from components.recommender.telemetry_batch import Flags

_TURN = Reason(
    "ActionBudget", "", "many workloads want to change at once: this one has its turn soon"
)


@dataclass(frozen=True, slots=True)
class Wish:
    """What is proposed for B workloads, and what is known of each.

    proposed [B, 3], NaN for nothing. by_policy [B]: whether a policy proposed it. evidence
    [B, EVIDENCE_COUNT] as the guard reads it. phases [B]. problems [B]: why the channel's policy
    can't be used, empty where it can.
    """

    proposed: FloatArray
    by_policy: Flags
    evidence: FloatArray
    phases: Sequence[PhaseState]
    problems: Sequence[str]


@dataclass(slots=True)
class Decider:
    """Guards each workload's proposal and keeps all of them within the action budget."""

    settings: RecommenderSettings
    keys: list[str] = field(default_factory=list)
    states: FloatArray = field(default_factory=lambda: empty_guard_states(0))
    waiting_since_s: dict[str, float] = field(default_factory=dict)

    def decide(
        self, subjects: Sequence[Subject], rows: SubjectRows, wish: Wish, now_s: float
    ) -> list[Recommendation]:
        """The recommendations in the order of the subjects [B]."""
        keys = [item.key for item in subjects]
        fresh = empty_guard_states(len(keys))
        self.states, self.keys = aligned(self.states, self.keys, keys, fresh), keys
        before = self.states[:, GROWN_S:TIMES_S].copy()
        circumstances = Circumstances(
            now_s, rows.previous, rows.low, rows.high, wish.evidence, rows.hold
        )
        targets, told = guard(wish.proposed, circumstances, self.states, self.settings.guard)
        denied = self._denied(targets, rows.previous, now_s)
        targets[denied] = rows.previous[denied]
        # What wasn't given starts no cool-down.
        self.states[denied, GROWN_S:TIMES_S] = before[denied]
        held = np.isin(told[:, HOLD_SLOT, 0], HOLDING_CODES)
        least = np.maximum(rows.last, rows.current)
        targets[held] = np.maximum(targets, least)[held]
        # The VPA's own minimum surprises whoever looks for the need behind a recommendation.
        floor = ~wish.by_policy & (np.rint(wish.proposed[:, 2]) == np.rint(rows.incumbent[:, 2]))
        return _recommendations(subjects, wish, targets, told, denied, floor)

    def _denied(self, targets: FloatArray, previous: FloatArray, now_s: float) -> Flags:
        """Which of the rows [B] that want to change must wait."""
        changes, waiting = [], {}
        changed: Flags = np.any(targets != previous, axis=1)
        shrinks: Flags = np.any(targets < previous, axis=1)
        for row in np.flatnonzero(changed):
            key = self.keys[row]
            waiting[key] = self.waiting_since_s.get(key, now_s)
            changes.append(Change(key, bool(shrinks[row]), waiting[key]))
        allowed = within_budget(changes, len(self.keys), self.settings.budget)
        self.waiting_since_s = {key: at for key, at in waiting.items() if key not in allowed}
        may = np.array([key in allowed for key in self.keys], dtype=np.bool_)
        denied: Flags = changed & ~may
        return denied


def _recommendations(
    subjects: Sequence[Subject],
    wish: Wish,
    targets: FloatArray,
    told: FloatArray,
    denied: Flags,
    floor: Flags,
) -> list[Recommendation]:
    explained: Flags = np.any(told[:, :, 0] != 0, axis=1)
    proposed = wish.proposed.tolist()
    nothing: Flags = np.all(np.isnan(wish.proposed), axis=1)
    recommendations = []
    for row, (subject, target) in enumerate(
        zip(subjects, targets.astype(np.int64).tolist(), strict=True)
    ):
        reasons: tuple[Reason, ...] = ()
        if explained[row]:
            reasons = reasons_of(told[row], wish.proposed[row], subject.other_owner)
        if floor[row]:
            reasons = (*reasons, floor_reason(subject.incumbent.memory_floor_bytes))
        if denied[row]:
            reasons = (*reasons, _TURN)
        recommendations.append(
            Recommendation(
                subject,
                Allocation(*target),
                None if nothing[row] else Proposal(*proposed[row]),
                bool(wish.by_policy[row]),
                reasons,
                wish.phases[row],
                wish.problems[row],
            )
        )
    return recommendations
