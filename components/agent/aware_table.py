"""PPO on AWARE's published test task, from episodes alone."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from components.agent.categorical_ppo import (
    CategoricalActorCritic,
    CategoricalPpoSettings,
    Episodes,
    improve,
)
from components.agent.initialisation import generator_of
from components.cluster.aware_table import (
    ACTIONS,
    EPISODE_STEPS,
    OBSERVATION_FIELDS,
    TableProblem,
    certain,
    expected_return,
)
from components.cluster.compiled import FloatArray

# The published observation's fields differ in size by their units; this brings them together.
FIELD_SCALES = np.array([1.0, 1.0, 4.0, 1.0, 8.0, 2.0])
MOVING_AVERAGE_EPISODES = 100


@dataclass(frozen=True, slots=True)
class TableTraining:
    """How long and how PPO trains on the table."""

    iterations: int = 150
    episodes_per_iteration: int = 16
    hidden: int = 64
    ppo: CategoricalPpoSettings = field(default_factory=CategoricalPpoSettings)


@dataclass(frozen=True, slots=True)
class Iteration:
    """What one iteration came to.

    reward: mean return of its episodes, with their exploration.
    moving_average: of the last MOVING_AVERAGE_EPISODES episodes' returns (of all, before).
    seconds, cpu_seconds: since the training's start.
    """

    number: int
    episodes: int
    reward: float
    moving_average: float
    entropy: float
    seconds: float
    cpu_seconds: float


@dataclass(frozen=True, slots=True)
class Trained:
    """The network, what each iteration came to, and the exact return of its likeliest actions."""

    network: CategoricalActorCritic
    iterations: tuple[Iteration, ...]
    expected_return: float


def train_on_table(
    problem: TableProblem,
    training: TableTraining,
    seed: int,
    on_iteration: Callable[[Iteration, CategoricalActorCritic], None] = lambda *_: None,
) -> Trained:
    """Train from a seed; the learner sees observations and rewards, never the table."""
    rng, generator = np.random.default_rng(seed), generator_of(seed)
    network = CategoricalActorCritic(
        len(OBSERVATION_FIELDS) + 1, len(ACTIONS), training.hidden, generator
    )
    optimizer = torch.optim.Adam(network.parameters(), lr=training.ppo.learning_rate, eps=1e-5)
    started, started_cpu = time.monotonic(), time.process_time()
    returns: list[float] = []
    iterations: list[Iteration] = []
    for number in range(1, training.iterations + 1):
        episodes = play(problem, network, training.episodes_per_iteration, rng)
        remaining = 1.0 - (number - 1) / training.iterations
        entropy = improve(network, optimizer, episodes, remaining, training.ppo, generator)
        totals = episodes.rewards.sum(dim=1).tolist()
        returns += totals
        iteration = Iteration(
            number=number,
            episodes=len(returns),
            reward=float(np.mean(totals)),
            moving_average=float(np.mean(returns[-MOVING_AVERAGE_EPISODES:])),
            entropy=entropy,
            seconds=time.monotonic() - started,
            cpu_seconds=time.process_time() - started_cpu,
        )
        iterations.append(iteration)
        on_iteration(iteration, network)
    likeliest = certain(likeliest_actions(problem, network))
    return Trained(network, tuple(iterations), expected_return(problem, likeliest))


def play(
    problem: TableProblem,
    network: CategoricalActorCritic,
    episodes: int,
    rng: np.random.Generator,
) -> Episodes:
    """So many episodes side by side, with actions drawn from the network's probabilities."""
    state = problem.starts[rng.integers(len(problem.starts), size=episodes)]
    seen: list[Tensor] = []
    actions = np.empty((episodes, EPISODE_STEPS), dtype=np.int64)
    rewards = np.empty((episodes, EPISODE_STEPS))
    for step in range(EPISODE_STEPS):
        observations = _features(problem.observations[state], step)
        with torch.no_grad():
            shares = network.log_probabilities(observations).exp().numpy().cumsum(axis=1)
        drawn = (shares > shares[:, -1:] * rng.random((episodes, 1))).argmax(axis=1)
        seen.append(observations)
        actions[:, step], rewards[:, step] = drawn, problem.rewards[state, drawn]
        state = problem.following[state, drawn]
    return Episodes(
        torch.stack(seen, dim=1), torch.from_numpy(actions), torch.from_numpy(rewards).float()
    )


def likeliest_actions(problem: TableProblem, network: CategoricalActorCritic) -> NDArray[np.intp]:
    """The network's likeliest action at each step in each state, [T, N]."""
    with torch.no_grad():
        chosen = [
            network.log_probabilities(_features(problem.observations, step)).argmax(dim=-1).numpy()
            for step in range(EPISODE_STEPS)
        ]
    return np.stack(chosen).astype(np.intp)


def reached(iterations: tuple[Iteration, ...], level: float) -> Iteration | None:
    """The first iteration whose moving average, over its full window, is at least `level`."""
    for iteration in iterations:
        full = iteration.episodes >= MOVING_AVERAGE_EPISODES
        if full and iteration.moving_average >= level:
            return iteration
    return None


def _features(observations: FloatArray, step: int) -> Tensor:
    """The observation with the share of the episode that is over: [..., O + 1]."""
    over = np.full((*observations.shape[:-1], 1), step / EPISODE_STEPS)
    scaled = np.concatenate([observations * FIELD_SCALES, over], axis=-1)
    return torch.from_numpy(scaled).float()
