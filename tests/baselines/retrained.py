"""When a workload is learned again: never, whenever it drifts, or when that is surely worth it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from components.cluster.compiled import FloatArray
from components.cluster.twin import Twin
from components.cluster.twin_ensemble import fit_twin
from components.drift_check.check import check_workload
from components.drift_check.config import DriftConfig
from components.drift_check.verdict import judge
from components.errors import UserError
from components.fine_tuning.adapt import Task, adapt
from components.fine_tuning.members import synthetic_applications
from components.policy.performance import measured_performance
from components.policy.rule_parameters import rule_of
from components.policy.worth_retraining import (
    ReferencePerformance,
    lost_performance,
    reference_performance,
)
from components.validation.situations import Case
from components.workload.telemetry import STEP_S
from tests.baselines.changing import HOUR_MIN
from tests.hidden_workloads.learning import Meta
from tests.hidden_workloads.plan import Plan
from tests.hidden_workloads.world import case_of

HOUR_STEPS = 4 * HOUR_MIN
# So long a rule has to be in force to be held against what it gave then. What the twin promises is
# no reference: where the twin is wrong it promised far too little, and no loss was ever found.
REFERENCE_HOURS = 3


@dataclass(slots=True)
class Known:
    """What a workload's policy was learned from, its rule [K], and what it gave since.

    `reference`: the level it is held against; None until it has been in force long enough.
    """

    case: Case
    rule: FloatArray
    reference: ReferencePerformance | None = None
    seen: list[pd.DataFrame] = field(default_factory=list)


@dataclass(slots=True)
class Counted:
    """How often a retraining began, and how often it ended with another rule."""

    started: int = 0
    replaced: int = 0


class Learning:
    """The product's way from telemetry to rule: twin, proposal, search, challenge."""

    def __init__(self, meta: Meta, plan: Plan, seed: int) -> None:
        self._meta = meta
        self._plan = plan
        self._rng = np.random.default_rng([seed, 18])
        self._population = synthetic_applications(np.random.default_rng([seed, 6]))

    def first(self, case: Case) -> Known:
        """A rule from the case's telemetry alone."""
        return self._learned(case, None)[0]

    def again(self, known: Known, frame: pd.DataFrame, defended: bool) -> Known:
        """From other telemetry; where it is `defended` the old rule stays unless it is beaten."""
        case = self._refitted(known.case, frame)
        anew, kept = self._learned(case, known.rule if defended else None)
        if kept:
            # What the rule gives now is what can be had: the level it is measured at from here.
            anew.reference = reference_performance(self.performance(case, frame))
        return anew

    def performance(self, case: Case, frame: pd.DataFrame) -> FloatArray:
        """Priced reward [D] of telemetry."""
        return measured_performance(frame, case.workload, self._plan.search.violation_penalty)

    def _learned(self, case: Case, in_force: FloatArray | None) -> tuple[Known, bool]:
        """What is known then, and whether the rule in force stayed."""
        proposed = self._meta.propose((case,))[0]
        task = Task(case.measured, case.training_twin, proposed, in_force)
        entry = adapt(self._plan.search, task, self._population, lambda *_: None)
        rule = rule_of(entry["rule"])
        kept = in_force is not None and bool(entry["in_force"]["kept"])
        return Known(case, rule), kept

    def _refitted(self, case: Case, frame: pd.DataFrame) -> Case:
        """With the old twin where no other can be fitted."""
        members = self._plan.world.twin_members
        last = frame[-len(frame) // 4 :]
        try:
            twin: Twin = fit_twin(frame, last, case.workload, self._rng, members)
        except UserError:
            twin = case.training_twin
        return case_of(case.workload, frame, twin)


# What is known and the hour's telemetry, workload by workload, to what is known then.
Retrain = Callable[[list[Known], Sequence[pd.DataFrame], Counted], list[Known]]


def never(known: list[Known], _frames: Sequence[pd.DataFrame], _counted: Counted) -> list[Known]:
    """The first rule stays."""
    return known


def at_drift(learning: Learning) -> Retrain:
    """Whatever drifted is learned again from the last hour, and the new rule is taken."""

    def retrain(
        known: list[Known], frames: Sequence[pd.DataFrame], counted: Counted
    ) -> list[Known]:
        after = []
        for one, frame, moved in zip(known, frames, drifted(known, frames), strict=True):
            counted.started += moved
            counted.replaced += moved
            after.append(learning.again(one, frame, defended=False) if moved else one)
        return after

    return retrain


def when_worth_it(learning: Learning) -> Retrain:
    """Where performance was surely lost; a new rule is taken where it is surely better."""

    def retrain(
        known: list[Known], frames: Sequence[pd.DataFrame], counted: Counted
    ) -> list[Known]:
        return [_if_worth_it(learning, *each, counted) for each in zip(known, frames, strict=True)]

    return retrain


def _if_worth_it(learning: Learning, one: Known, frame: pd.DataFrame, counted: Counted) -> Known:
    one.seen.append(frame)
    whole = _one_after_another(one.seen)
    if one.reference is None:
        if len(one.seen) == REFERENCE_HOURS:
            one.reference = reference_performance(learning.performance(one.case, whole))
        return one
    loss = lost_performance(learning.performance(one.case, whole), one.reference)
    if not loss.real:
        return one
    counted.started += 1
    since = min(4 * (loss.since or 0), len(whole) - HOUR_STEPS)
    anew = learning.again(one, whole[since:].reset_index(drop=True), defended=True)
    counted.replaced += not np.array_equal(anew.rule, one.rule)
    # A new rule has to reach what the old one gave: one that doesn't is learned again, until what
    # can be had is known, because nothing better is found.
    anew.reference = anew.reference or one.reference
    return anew


def _one_after_another(hours: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """The hours as one frame: each was recorded as if it were the first."""
    whole = pd.concat(hours, ignore_index=True)
    first = whole["time"].iloc[0]
    whole["time"] = first + pd.to_timedelta(np.arange(len(whole)) * STEP_S, unit="s")
    return whole


def drifted(known: Sequence[Known], frames: Sequence[pd.DataFrame]) -> list[bool]:
    """Which workloads the drift check finds changed, all tested together."""
    config = DriftConfig()
    checked = {
        one.case.workload.key: check_workload(
            one.case.measured.training,
            frame,
            one.case.workload,
            one.case.training_twin.members[0],
            config,
        ).checked
        for one, frame in zip(known, frames, strict=True)
    }
    verdicts = judge(checked, config)
    return [verdicts[one.case.workload.key].drifted for one in known]
