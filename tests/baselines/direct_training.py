"""Direct policies trained on simulated applications: on all, on one each, with embeddings."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from components.agent.encoder import EMBEDDING_SIZE, Encoder
from components.agent.encoder_training import embed
from components.agent.histories import simulated_histories
from components.agent.initialisation import generator_of
from components.cluster.applications import sample_applications
from components.cluster.compiled import FloatArray
from components.cluster.environment_episode import random_allocation
from components.cluster.noise import draw_noise
from components.cluster.observation import OBSERVATION_COUNT
from components.cluster.rates import synthetic_rates
from components.cluster.reward import INTERVAL_STEPS
from tests.baselines.direct_course import DirectCourse, Workloads, by_minute
from tests.baselines.stacked_policies import StackedPolicies
from tests.baselines.stacked_ppo import PpoConstants, StackedPpo

Contexts = npt.NDArray[np.float32]
STRETCH = 48
TRAINING = PpoConstants(STRETCH)
_PAST_INTERVALS = 40


def train_on_all(
    applications: int,
    stretches: int,
    seed: int,
    encoder: Encoder | None = None,
    constants: PpoConstants = TRAINING,
) -> StackedPolicies:
    """One policy for all applications, drawn anew for each stretch of 48 decisions.

    With an encoder it also reads the recurrent embedding of the application's past, as AWARE's
    meta-policy does (Qiu et al., USENIX ATC 2023, section 4).
    """
    rng = np.random.default_rng([seed, 11])
    inputs = OBSERVATION_COUNT + (EMBEDDING_SIZE if encoder is not None else 0)
    learner = StackedPpo(StackedPolicies(1, inputs, generator_of(seed)), constants, seed)
    for stretch in range(stretches):
        workloads, means = drawn_workloads(applications, rng)
        contexts = None
        if encoder is not None:
            past = simulated_histories(
                workloads.parameters, workloads.limits, means, _PAST_INTERVALS, rng
            )
            contexts = embeddings_of(encoder, past)
        learn_stretch(learner, workloads, means, rng, 1.0 - stretch / stretches, contexts)
    return learner.policies


def train_on_one_each(policies: int, episodes: int, stretches: int, seed: int) -> StackedPolicies:
    """So many policies, each of one application, that it meets in many episodes at once."""
    rng = np.random.default_rng([seed, 12])
    drawn, means = drawn_workloads(policies, rng)
    workloads = drawn.repeated(episodes)
    stacked = StackedPolicies(policies, OBSERVATION_COUNT, generator_of(seed))
    learner = StackedPpo(stacked, TRAINING, seed)
    for stretch in range(stretches):
        remaining = 1.0 - stretch / stretches
        learn_stretch(learner, workloads, np.repeat(means, episodes), rng, remaining)
    return learner.policies


def untrained(policies: int, seed: int) -> StackedPolicies:
    """Policies that know nothing, each drawn anew."""
    return StackedPolicies(policies, OBSERVATION_COUNT, generator_of(seed))


def embeddings_of(encoder: Encoder, pasts: FloatArray) -> Contexts:
    """What a policy reads of pasts [B, T, O]: their embeddings [B, E]."""
    return embed(encoder, pasts).astype(np.float32)


def drawn_workloads(count: int, rng: np.random.Generator) -> tuple[Workloads, FloatArray]:
    """So many synthetic applications, and their mean rates per second [count]."""
    parameters, limits, means = sample_applications(rng, count)
    return Workloads(parameters, limits, hidden=False), means


def learn_stretch(
    learner: StackedPpo,
    workloads: Workloads,
    means: FloatArray,
    rng: np.random.Generator,
    remaining: float,
    contexts: Contexts | None = None,
) -> None:
    """48 decisions from a random allocation, and the update."""
    batch, steps = len(means), (STRETCH + 1) * INTERVAL_STEPS
    rates = by_minute(synthetic_rates(rng, batch, steps, means))
    noise = by_minute(draw_noise(rng, steps, batch))
    allocation = random_allocation(rng, workloads.limits)
    course = DirectCourse(workloads, allocation, rates[0, :, 0])
    first = course.hold(rates[0], noise[0])
    stay, _ = learner.stay(course, first, rates[1:], noise[1:], contexts)
    learner.improve(stay, remaining)
