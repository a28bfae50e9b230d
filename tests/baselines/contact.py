"""What the product makes of the first minutes of contact: the incumbent acts, the twin learns."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from components.agent.populations import synthetic_population
from components.cluster.compiled import FloatArray
from components.cluster.limits import limits_of
from components.cluster.reward import INTERVAL_STEPS, step_quality
from components.cluster.twin_ensemble import fit_twin
from components.errors import UserError
from components.fine_tuning.config import FineTuningConfig
from components.policy.measured import MeasuredWorkload
from components.policy.rule_parameters import from_unit
from components.policy.watched import watched
from components.validation.situations import Case
from tests.baselines.online_learning import Contact, judged_by
from tests.hidden_workloads.learning import Meta, fine_tune
from tests.hidden_workloads.rebuilt import hidden_rule
from tests.hidden_workloads.world import HiddenWorld

_POPULATION = 256


@dataclass(frozen=True, slots=True)
class Adaptation:
    """contact: of the policy that each minute's telemetry gives; cpu_s [C]: of one workload."""

    contact: Contact
    cpu_s: FloatArray


def adapt(
    world: HiddenWorld,
    meta: Meta,
    config: FineTuningConfig,
    minutes: Sequence[int],
    seed: int,
    searched: bool = True,
) -> Adaptation:
    """The product's policy after so many minutes of the incumbent's telemetry.

    At minute 0 nothing is known: the rule that the meta-policy proposes on average. Later the twin
    is fitted and the rule searched from the proposal (or, not `searched`, the proposal itself).
    """
    violated = incumbent_violations(world).cumsum(axis=1)
    judged, violations, spent = [], [], []
    for minute in minutes:
        started = time.process_time()
        rules = (
            rules_after(world, meta, config, minute, seed, searched)
            if minute
            else np.tile(from_unit(_average(meta, seed)), (len(world.cases), 1))
        )
        spent.append((time.process_time() - started) / len(world.cases))
        seen = [cut_case(case, minute).measured for case in world.cases]
        past = world.spread(watched(seen)) if minute else None
        rolled = hidden_rule(world.spread(rules), *world.course, world.usual, past=past)
        judged.append(judged_by(rolled.metrics, world))
        violations.append(violated[:, minute - 1] if minute else np.zeros(len(world.cases)))
    times = np.array(minutes, dtype=np.float64)
    contact = Contact(times, np.stack(judged, axis=1), np.array(violations))
    return Adaptation(contact, np.array(spent))


def incumbent_violations(world: HiddenWorld) -> FloatArray:
    """Share of each minute of the telemetry in which the objective was missed, [W, minutes]."""
    samples = world.contact.samples
    assert samples is not None
    limits = limits_of([case.workload for case in world.cases])
    violated = np.array(
        [
            [step_quality(sample, of_one)[1] for sample in course]
            for course, of_one in zip(samples, limits, strict=True)
        ]
    )
    return violated.reshape(len(violated), -1, INTERVAL_STEPS).mean(axis=2)


def cut_case(case: Case, minutes: int) -> Case:
    """The case with the first minutes of its telemetry only; its twins are still of all of it."""
    measured = case.measured
    frame = measured.training.iloc[: minutes * INTERVAL_STEPS]
    known = MeasuredWorkload(
        measured.workload, frame, frame[:0], measured.observations[:minutes], minutes
    )
    return replace(case, measured=known)


def refitted(case: Case, rng: np.random.Generator) -> Case | None:
    """The case with the twin of its own telemetry; None where that is too little for a twin."""
    frame, members = case.measured.training, len(case.training_twin.members)
    try:
        twin = fit_twin(
            frame, frame[-max(len(frame) // 4, 1) :], case.measured.workload, rng, members
        )
    except UserError:
        return None
    return replace(case, training_twin=twin, held_out_twin=twin)


def rules_after(
    world: HiddenWorld,
    meta: Meta,
    config: FineTuningConfig,
    minutes: int,
    seed: int,
    searched: bool = True,
) -> FloatArray:
    """Rules [W, K]: searched, or where no twin can be fitted yet as the meta-policy proposes."""
    rng = np.random.default_rng([seed, minutes])
    cases = tuple(cut_case(case, minutes) for case in world.cases)
    proposed = meta.propose(cases)
    rules = from_unit(proposed)
    if searched:
        twinned = {row: refitted(case, rng) for row, case in enumerate(cases)}
        rows = [row for row, case in twinned.items() if case is not None]
        fitted = tuple(case for case in twinned.values() if case is not None)
        if fitted:
            rules[rows] = fine_tune(fitted, proposed[rows], config).rule
    return rules


def _average(meta: Meta, seed: int) -> FloatArray:
    """The mean proposal [K] over synthetic applications: what is known of no one in particular."""
    rng = np.random.default_rng([seed, 14])
    population = synthetic_population(meta.encoder, _POPULATION, rng)
    mean: FloatArray = meta.learner.propose(population.contexts).mean(axis=0)
    return mean
