"""Populations to learn from and to be judged on: synthetic applications, and twins of workloads."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from components.agent.encoder import Encoder
from components.agent.encoder_training import embed
from components.agent.environment import Population
from components.agent.histories import simulated_histories
from components.cluster.applications import sample_applications
from components.cluster.limits import limits_of
from components.cluster.twin import Twin
from components.policy.measured import MeasuredWorkload
from components.policy.network import context_of

_PAST_INTERVALS = 40


def synthetic_population(encoder: Encoder, count: int, rng: np.random.Generator) -> Population:
    """So many synthetic applications, each with a simulated past that gives its context."""
    parameters, limits, rates = sample_applications(rng, count)
    past = simulated_histories(parameters, limits, rates, _PAST_INTERVALS, rng)
    return Population(parameters, limits, rates, context_of(past, embed(encoder, past)))


def twin_population(
    encoder: Encoder, measured: Sequence[MeasuredWorkload], twins: Sequence[Twin], members: int
) -> Population:
    """The first `members` of each workload's twin; its own training part gives the context.

    Raises UserError when a workload's request rate was never measured.
    """
    chosen = [twin.members[:members] for twin in twins]
    counts = [len(rows) for rows in chosen]
    contexts = [context_of(one.past, embed(encoder, one.past)) for one in measured]
    rates = np.array([one.training_rates_per_s.mean() for one in measured])
    return Population(
        parameters=np.concatenate(chosen),
        limits=np.repeat(limits_of([one.workload for one in measured]), counts, axis=0),
        mean_rates_per_s=np.repeat(rates, counts),
        contexts=np.repeat(np.concatenate(contexts), counts, axis=0),
    )


def joined(populations: Sequence[Population]) -> Population:
    """All workloads of the populations, in their order."""
    return Population(
        parameters=np.concatenate([one.parameters for one in populations]),
        limits=np.concatenate([one.limits for one in populations]),
        mean_rates_per_s=np.concatenate([one.mean_rates_per_s for one in populations]),
        contexts=np.concatenate([one.contexts for one in populations]),
    )


def share_of(population: Population, rank: int, count: int) -> Population:
    """Every count-th workload from `rank` on: the shares of all ranks are the whole."""
    return Population(
        population.parameters[rank::count],
        population.limits[rank::count],
        population.mean_rates_per_s[rank::count],
        population.contexts[rank::count],
    )


def drawn(population: Population, count: int, rng: np.random.Generator) -> Population:
    """A random choice of `count` workloads without replacement; all where there are fewer."""
    batch = population.parameters.shape[0]
    rows = rng.permutation(batch)[:count]
    return Population(
        population.parameters[rows],
        population.limits[rows],
        population.mean_rates_per_s[rows],
        population.contexts[rows],
    )
