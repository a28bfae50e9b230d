"""The meta-policy while it learns: network, optimiser, and the price of a violation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from components.agent.actor_critic import ActorCritic
from components.agent.checkpoint import save_meta_policy
from components.agent.encoder import Encoder
from components.agent.environment import Population, draw_traces, meet
from components.agent.export import module_arrays, module_tensors
from components.agent.initialisation import generator_of
from components.agent.ppo import PpoSettings, draw_actions, improve, next_multiplier
from components.agent.workers import ALONE, Workers
from components.cluster.compiled import FloatArray
from components.cluster.observation import OBSERVATION_COUNT

Weights = dict[str, torch.Tensor]
_NETWORK = "network."
_ADAM = "adam."
_MOST_WORKERS = 4096


@dataclass(frozen=True, slots=True)
class LearningSettings:
    """What one iteration is made of.

    terms, term_decisions: a stretch has so many terms; a rule makes so many decisions in each.
    violation_budget: share of the steps that may miss the objective.
    first_multiplier, multiplier_step, highest_multiplier: the price of a violation in reward, how
        fast it moves when the budget is missed, and its bound.
    ppo: of the update.
    """

    terms: int = 2
    term_decisions: int = 24
    violation_budget: float = 0.02
    first_multiplier: float = 0.1
    multiplier_step: float = 0.3
    highest_multiplier: float = 1.0
    ppo: PpoSettings = field(default_factory=PpoSettings)


class MetaLearner:
    """A policy over rules, improved stretch by stretch."""

    def __init__(
        self,
        start_unit: FloatArray,
        context_size: int,
        settings: LearningSettings,
        seed: int,
        workers: Workers = ALONE,
    ) -> None:
        """Proposes `start_unit` [K] for every context of that size until it has learned.

        Of several processes each explores by itself, on workloads of its own.
        """
        self._settings = settings
        self._generator = generator_of(seed)
        start = torch.from_numpy(start_unit).float()
        self._network = ActorCritic(
            OBSERVATION_COUNT, context_size - OBSERVATION_COUNT, start, self._generator
        )
        self._optimizer = torch.optim.Adam(self._network.parameters(), fused=True)
        self._workers = workers
        if workers.rank > 0:
            self._generator = generator_of(seed * _MOST_WORKERS + workers.rank)
        self.multiplier = settings.first_multiplier

    def learn(
        self, population: Population, remaining: float, rng: np.random.Generator
    ) -> tuple[float, float]:
        """One stretch with exploration and one update: its mean (reward, violation).

        Args:
            population: the workloads.
            remaining: share of the training still to come, in [0, 1].
            rng: of rates, noise and allocations.
        """
        settings = self._settings
        contexts = torch.from_numpy(population.contexts).float()
        actions = draw_actions(self._network, contexts, settings.terms, self._generator)
        traces = draw_traces(population, settings.terms * settings.term_decisions + 1, rng)
        stretch = meet(population, actions.double().numpy(), traces, settings.term_decisions)
        improve(
            self._network,
            self._optimizer,
            contexts,
            actions,
            stretch,
            self.multiplier,
            remaining,
            settings.ppo,
            self._generator,
            self._workers,
        )
        means = torch.tensor([stretch.rewards.mean(), stretch.violations.mean()])
        self._workers.average([means])
        reward, violation = means.tolist()
        self.multiplier = next_multiplier(
            self.multiplier,
            violation,
            settings.violation_budget,
            settings.multiplier_step,
            settings.highest_multiplier,
        )
        return reward, violation

    def propose(self, contexts: FloatArray) -> FloatArray:
        """Rules in the unit box, [B, K], from contexts [B, C]."""
        with torch.no_grad():
            proposals = self._network.mean(torch.from_numpy(contexts).float())
        return proposals.double().numpy()

    def save(self, path: Path, encoder: Encoder) -> None:
        """Writes the meta-policy; raises UserError when the path can't be written."""
        save_meta_policy(path, encoder, self._network)

    def weights(self) -> Weights:
        """A copy of the network's weights."""
        return {name: tensor.clone() for name, tensor in self._network.state_dict().items()}

    def learning_arrays(self) -> dict[str, NDArray[np.float32]]:
        """All that the next update depends on but the price and the generator: weights and Adam."""
        arrays = module_arrays(self._network, _NETWORK)
        for index, moments in self._optimizer.state_dict()["state"].items():
            for name, tensor in moments.items():
                arrays[f"{_ADAM}{index}.{name}"] = np.array(tensor.numpy(), dtype=np.float32)
        return arrays

    def resume(self, arrays: Mapping[str, NDArray[np.float32]], generator_state: bytes) -> None:
        """Goes on as the learner would have that gave these arrays and `generator_state`."""
        self._network.load_state_dict(module_tensors(arrays, _NETWORK))
        moments: dict[int, dict[str, torch.Tensor]] = {}
        for name, tensor in module_tensors(arrays, _ADAM).items():
            index, moment = name.split(".", 1)
            moments.setdefault(int(index), {})[moment] = tensor
        groups = self._optimizer.state_dict()["param_groups"]
        self._optimizer.load_state_dict({"state": moments, "param_groups": groups})
        state = torch.frombuffer(bytearray(generator_state), dtype=torch.uint8)
        self._generator.set_state(state)

    def generator_state(self) -> bytes:
        """The state of what draws exploration and minibatches."""
        return self._generator.get_state().numpy().tobytes()

    def restore(self, weights: Weights) -> None:
        """Goes back to weights that `weights` gave."""
        self._network.load_state_dict(weights)
