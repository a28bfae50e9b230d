"""From proposals to guarded recommendations: pure but for what the guard is told to remember."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from components.cluster.compiled import FloatArray
from components.kubernetes_api.container_policy import OFF
from components.recommender.action_budget import Change, within_budget
from components.recommender.allocation import Allocation, Proposal
from components.recommender.guard import Circumstances, Guarded, guard
from components.recommender.guard_state import GuardState
from components.recommender.phases import Phases
from components.recommender.policies import Policies
from components.recommender.reasons import Reason
from components.recommender.recommendation import Recommendation, held_at, last_recommended
from components.recommender.settings import RecommenderSettings
from components.recommender.subject import Subject
from components.recommender.telemetry_batch import Batch


@dataclass(slots=True)
class Decider:
    """Guards each workload's proposal and keeps all of them within the action budget."""

    settings: RecommenderSettings
    states: dict[str, GuardState] = field(default_factory=dict)
    waiting_since_s: dict[str, float] = field(default_factory=dict)

    def decide(
        self,
        subjects: Sequence[Subject],
        batch: Batch,
        incumbent: FloatArray,
        policy: FloatArray,
        phases: Phases,
        policies: Policies,
        now_s: float,
    ) -> list[Recommendation]:
        """The recommendations in the order of the subjects; incumbent and policy [B, 3]."""
        guarded = [
            self._guarded(
                subject,
                batch,
                row,
                policy[row] if phases.acts(subject, policies) else incumbent[row],
                phases.acts(subject, policies),
                policies,
                now_s,
            )
            for row, subject in enumerate(subjects)
        ]
        allowed = self._allowed(subjects, guarded, now_s)
        keys = {item.key for item in subjects}
        self.states = {key: value for key, value in self.states.items() if key in keys}
        return [
            self._recommended(subject, result, subject.key in allowed, phases)
            for subject, result in zip(subjects, guarded, strict=True)
        ]

    def _guarded(
        self,
        subject: Subject,
        batch: Batch,
        row: int,
        values: FloatArray,
        by_policy: bool,
        policies: Policies,
        now_s: float,
    ) -> _Result:
        loaded = policies.loaded_one(subject.key) if by_policy else None
        rate_per_s = float(batch.samples[row, -1, 0])
        proposal = None if np.isnan(values).all() else Proposal(*map(float, values))
        circumstances = Circumstances(
            now_s=now_s,
            previous=previous_of(subject),
            bounds=subject.workload.bounds,
            evidence=batch.evidence(
                row, now_s, by_policy, loaded is not None and loaded.is_unlike(rate_per_s)
            ),
            rollout_in_progress=subject.rolling_out,
            other_owner=subject.other_owner,
        )
        before = self.states.get(subject.key)
        result = guard(proposal, circumstances, before, self.settings.guard)
        return _Result(proposal, by_policy, circumstances.previous, result)

    def _allowed(
        self, subjects: Sequence[Subject], guarded: Sequence[_Result], now_s: float
    ) -> frozenset[str]:
        changes = []
        waiting: dict[str, float] = {}
        for subject, item in zip(subjects, guarded, strict=True):
            old, new = item.previous.values, item.guarded.allocation.values
            if new == old:
                continue
            since_s = self.waiting_since_s.get(subject.key, now_s)
            waiting[subject.key] = since_s
            shrinks = any(after < before for before, after in zip(old, new, strict=True))
            changes.append(Change(subject.key, shrinks, since_s))
        allowed = within_budget(changes, len(subjects), self.settings.budget)
        self.waiting_since_s = {key: at for key, at in waiting.items() if key not in allowed}
        return allowed

    def _recommended(
        self, subject: Subject, item: _Result, allowed: bool, phases: Phases
    ) -> Recommendation:
        target, reasons, state = (
            item.guarded.allocation,
            item.guarded.reasons,
            item.guarded.state,
        )
        if target != item.previous and not allowed:
            words = "many workloads want to change at once: this one has its turn soon"
            target, reasons = item.previous, (*reasons, Reason("ActionBudget", "", words))
            before = self.states.get(subject.key)
            # What wasn't given starts no cool-down.
            if before is not None:
                state = replace(state, grown_s=before.grown_s, shrunk_s=before.shrunk_s)
        self.states[subject.key] = state
        recommendation = Recommendation(
            subject, target, item.proposal, item.by_policy, reasons, phases.state(subject.key)
        )
        if recommendation.held:
            return replace(recommendation, target=_largest(target, held_at(subject)))
        return recommendation


@dataclass(frozen=True, slots=True)
class _Result:
    proposal: Proposal | None
    by_policy: bool
    previous: Allocation
    guarded: Guarded


def previous_of(subject: Subject) -> Allocation:
    """What a recommendation starts from: what is in force, or, where nothing is applied, the last.

    In the mode Off the workload never follows, and each recommendation would stay the first step.
    """
    if subject.autoscaler.update_mode == OFF and not subject.other_owner:
        return last_recommended(subject)
    return subject.current


def _largest(one: Allocation, other: Allocation) -> Allocation:
    return Allocation(
        max(one.replicas, other.replicas),
        max(one.cpu_m, other.cpu_m),
        max(one.memory_bytes, other.memory_bytes),
    )
