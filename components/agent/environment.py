"""Many workloads in the simulator at once, run by rules: what a policy learns from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from components.agent.histories import allocation_schedule
from components.agent.ppo import Stretch
from components.cluster.compiled import FloatArray, contiguous
from components.cluster.limits import clip_allocation
from components.cluster.noise import draw_noise
from components.cluster.observation import OBSERVATION_COUNT
from components.cluster.rates import synthetic_rates
from components.cluster.reward import INTERVAL_STEPS, STEP_HOURS, RewardWeights
from components.policy.rule import from_unit
from components.policy.rule_rollout import rollout_rule
from components.policy.rule_terms import (
    TERM_COUNT,
    TERM_KILLS,
    TERM_REWARD,
    TERM_VIOLATION,
    play_terms,
)

DECISIONS_PER_HOUR = 1.0 / (INTERVAL_STEPS * STEP_HOURS)


@dataclass(frozen=True, slots=True)
class Population:
    """Workloads in the simulator, twins or synthetic, each with what a policy knows of it.

    parameters: of the simulator, [B, P].
    limits: [B, L].
    mean_rates_per_s: [B].
    contexts: what the actor reads, [B, C].
    """

    parameters: FloatArray
    limits: FloatArray
    mean_rates_per_s: FloatArray
    contexts: FloatArray


@dataclass(frozen=True, slots=True)
class Traces:
    """What happens to a population, drawn beforehand.

    rates_per_s: [B, T]; noise: [B, T, N]; allocation: in force at first, [B, 3].
    """

    rates_per_s: FloatArray
    noise: FloatArray
    allocation: FloatArray


def draw_traces(population: Population, decisions: int, rng: np.random.Generator) -> Traces:
    """Fresh traces of so many decision intervals."""
    batch, steps = population.parameters.shape[0], decisions * INTERVAL_STEPS
    allocation = allocation_schedule(
        population.parameters, population.limits, population.mean_rates_per_s, 1, rng
    )
    return Traces(
        rates_per_s=synthetic_rates(rng, batch, steps, population.mean_rates_per_s),
        noise=draw_noise(rng, steps, batch),
        allocation=allocation[:, 0],
    )


def meet(
    population: Population, rules_unit: FloatArray, traces: Traces, term_decisions: int
) -> Stretch:
    """The stretch of T terms, each of which has a rule of its own in charge.

    Args:
        population: B workloads.
        rules_unit: in the unit box (moved to its border where outside), [B, T, K].
        traces: of T * term_decisions + 1 decision intervals; the first gives the first
            observation.
        term_decisions: how many decisions a rule makes.
    """
    batch, terms, _ = rules_unit.shape
    observations = np.empty((batch, terms + 1, OBSERVATION_COUNT))
    outcomes = np.zeros((batch, terms, TERM_COUNT))
    play_terms(
        contiguous(from_unit(rules_unit)),
        contiguous(population.parameters),
        contiguous(population.limits),
        contiguous(clip_allocation(contiguous(traces.allocation), population.limits)),
        contiguous(traces.rates_per_s),
        contiguous(traces.noise),
        RewardWeights().row(),
        term_decisions,
        observations,
        outcomes,
    )
    return Stretch(
        observations,
        outcomes[..., TERM_REWARD],
        outcomes[..., TERM_VIOLATION],
        DECISIONS_PER_HOUR * outcomes[..., TERM_KILLS],
    )


def episode_metrics(population: Population, rules_unit: FloatArray, traces: Traces) -> FloatArray:
    """Episode metrics [B, E] of one rule a workload, [B, K] in the unit box, over the traces."""
    rollout = rollout_rule(
        from_unit(rules_unit),
        population.parameters,
        population.limits,
        traces.rates_per_s,
        traces.noise,
        traces.allocation,
    )
    return rollout.metrics
