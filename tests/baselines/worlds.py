"""What controllers are tuned on, learn from and are scored on: three parts that share no trace."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from components.cluster import limits as lim
from components.cluster.applications import sample_applications
from components.cluster.compiled import FloatArray, contiguous
from components.cluster.environment_episode import Episode
from components.cluster.limits import clip_allocation
from components.cluster.noise import draw_noise
from components.cluster.rates import synthetic_rates
from components.cluster.reward import INTERVAL_STEPS
from components.cluster.tuning import Scenarios

# A person sets requests once, generously: this far between the bounds, by logarithm.
HAND_SET_CPU = 0.6
HAND_SET_MEMORY = 0.9
HAND_SET_REPLICAS = 0.5


@dataclass(frozen=True, slots=True)
class Sizes:
    """How large a comparison is: applications, decisions of an episode, tuning traces of each."""

    applications: int
    decisions: int
    tuning_traces: int
    search_iterations: int
    global_iterations: int
    foresight_trials: int
    learner_decisions: int

    @property
    def steps(self) -> int:
        """Steps of 15 s of an episode."""
        return self.decisions * INTERVAL_STEPS


# Four CPU-minutes a seed.
FULL = Sizes(48, 96, 42, 16, 16, 48_000, 150_000)
QUICK = Sizes(6, 24, 4, 3, 3, 320, 1_500)


def part_of(sizes: Sizes, share: float) -> Sizes:
    """Fewer applications, tuning traces, trials and decisions to learn from, in that share."""
    return replace(
        sizes,
        applications=max(2, round(share * sizes.applications)),
        tuning_traces=max(2, round(share * sizes.tuning_traces)),
        foresight_trials=max(16, round(share * sizes.foresight_trials)),
        learner_decisions=max(1, round(share * sizes.learner_decisions)),
    )


@dataclass(frozen=True, slots=True)
class World:
    """One seed's applications: what tunes a controller to each, and what it is scored on.

    tuning: V traces of each; scored: one other trace of each, from hand-set allocations.
    others: as tuning, of applications that are never scored: for what is one for all.
    """

    tuning: Scenarios
    scored: Episode
    others: Scenarios
    others_allocation: FloatArray


def draw_world(seed: int, sizes: Sizes) -> World:
    """The world of a seed."""
    rng = np.random.default_rng([seed, 1])
    count, steps = sizes.applications, sizes.steps
    parameters, limits, means = sample_applications(rng, count)
    scored = Episode(
        parameters=parameters,
        limits=limits,
        rates=synthetic_rates(rng, count, steps, means),
        noise=draw_noise(rng, steps, count),
        allocation=hand_set(limits),
    )
    other_parameters, other_limits, other_means = sample_applications(rng, count)
    return World(
        tuning=_scenarios(rng, parameters, limits, means, sizes.tuning_traces, steps),
        scored=scored,
        others=_scenarios(rng, other_parameters, other_limits, other_means, 2, steps),
        others_allocation=hand_set(other_limits),
    )


def hand_set(limits: FloatArray) -> FloatArray:
    """Allocations [B, 3] as people set them once: generous, above all in memory."""
    position = np.array([HAND_SET_REPLICAS, HAND_SET_CPU, HAND_SET_MEMORY])
    low = limits[:, [lim.REPLICAS_MIN, lim.CPU_MIN_M, lim.MEMORY_MIN_BYTES]]
    high = limits[:, [lim.REPLICAS_MAX, lim.CPU_MAX_M, lim.MEMORY_MAX_BYTES]]
    sizes: FloatArray = low * (high / low) ** position
    return contiguous(clip_allocation(np.round(sizes), limits))


def _scenarios(
    rng: np.random.Generator,
    parameters: FloatArray,
    limits: FloatArray,
    means: FloatArray,
    traces: int,
    steps: int,
) -> Scenarios:
    """`traces` traces of each application [B], each with its own chance."""
    batch = len(parameters)
    rates = synthetic_rates(rng, batch * traces, steps, np.repeat(means, traces))
    noise = draw_noise(rng, steps, batch * traces)
    return Scenarios(
        parameters=np.repeat(parameters[:, None], traces, axis=1),
        limits=limits,
        rates=rates.reshape(batch, traces, steps),
        noise=noise.reshape(batch, traces, steps, -1),
    )
