"""A hidden world's telemetry taken through the product's gate: twin, rule, incumbents, verdict."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from components.cluster.compiled import FloatArray
from components.cluster.reward import INTERVAL_STEPS, STEP_HOURS
from components.cluster.rollout import Rollout
from components.cluster.twin_ensemble import fit_twin
from components.errors import UserError
from components.policy.measured import MeasuredWorkload
from components.policy.watched import watched
from components.validation.config import ValidationConfig
from components.validation.controllers import (
    INCUMBENTS,
    handed_over,
    play_incumbents,
    play_rules,
)
from components.validation.incumbents import Incumbents, tune_incumbents
from components.validation.scoring import parts
from components.validation.situations import Case, draw_situations
from components.validation.verdict import Criteria, Scores, judge_all
from components.workload.telemetry import split
from tests.benchmarks.control import Plan
from tests.hidden_workloads.learning import Meta, fine_tune
from tests.hidden_workloads.world import HiddenWorld


@dataclass(frozen=True, slots=True)
class Gated:
    """rules [W, K]; twins [W, P]: the training part's member 0; accepted [W]; the incumbents."""

    rules: FloatArray
    twins: FloatArray
    accepted: FloatArray
    incumbents: Incumbents


def gated(world: HiddenWorld, meta: Meta, plan: Plan, seed: int) -> Gated:
    """What the pipeline makes of the telemetry: learned on its earlier part, judged on the later.

    Policy and incumbents are tuned on the same part; the judge is a twin of the other part (of the
    same where that is too short to fit one).
    """
    rng = np.random.default_rng([seed, 16])
    cases = tuple(_split(case, rng) for case in world.cases)
    rules = fine_tune(cases, meta.propose(cases), plan.search).rule
    config = ValidationConfig(
        seed=seed, decisions=plan.search.decisions, tuning_traces=plan.tuning_traces
    )
    incumbents = tune_incumbents(cases, config)
    situations = draw_situations(cases, config)
    played = play_incumbents(situations, incumbents)
    past = watched([case.measured for case in cases])
    played |= play_rules(handed_over(situations, incumbents), {"policy": rules}, past)
    each = config.seeds * config.traces
    accepted = []
    for row in range(len(cases)):
        own = parts(played, slice(row * each, (row + 1) * each))
        scores = {name: _scores(own[name], config.decisions) for name in ("policy", *INCUMBENTS)}
        _, verdict = judge_all(
            scores["policy"], {name: scores[name] for name in INCUMBENTS}, Criteria()
        )
        accepted.append(float(verdict.accepted))
    twins = np.stack([case.training_twin.members[0] for case in cases])
    return Gated(rules, twins, np.array(accepted), incumbents)


def _split(case: Case, rng: np.random.Generator) -> Case:
    whole, members = case.measured, len(case.training_twin.members)
    training, held_out = split(whole.training)
    measured = MeasuredWorkload(
        whole.workload, training, held_out, whole.observations, len(training) // INTERVAL_STEPS
    )
    try:
        twin = fit_twin(training, held_out, whole.workload, rng, members)
    except UserError:
        twin = case.training_twin
    try:
        judge = fit_twin(held_out, training, whole.workload, rng, members)
    except UserError:
        judge = twin
    return replace(case, measured=measured, training_twin=twin, held_out_twin=judge)


def _scores(rollout: Rollout, decisions: int) -> Scores:
    return Scores(
        violation=rollout.metric("violation"),
        reward=rollout.metric("reward"),
        core_hours=rollout.metric("core_hours"),
        gib_hours=rollout.metric("gib_hours"),
        kills_per_h=rollout.metric("oom_kills") / (decisions * INTERVAL_STEPS * STEP_HOURS),
    )
