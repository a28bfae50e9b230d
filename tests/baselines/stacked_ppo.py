"""PPO on bounded steps for many policies at once, each with its own workloads.

The algorithm is Schulman et al. 2017 with generalised advantages; the constants are those of the
other learners (tests/baselines/learners.py). One policy with hundreds of workloads is training;
hundreds of policies with one workload each is fine-tuning on the workload itself.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from components.agent.losses import generalised_advantages
from components.cluster.compiled import FloatArray
from components.fine_tuning.adapt import prices_of
from components.fine_tuning.config import FineTuningConfig
from tests.baselines.direct_course import DirectCourse, Observations
from tests.baselines.stacked_policies import StackedPolicies

PRICES = prices_of(FineTuningConfig())


@dataclass(frozen=True, slots=True)
class PpoConstants:
    """decisions: between two updates.

    violation_penalty: reward that an interval full of violations costs, oom_penalty that one OOM
    kill an hour does: the search's.
    """

    decisions: int
    learning_rate: float = 2e-3
    final_rate_share: float = 0.1
    epochs: int = 4
    minibatches: int = 4
    discount: float = 0.9
    decay: float = 0.9
    clip: float = 0.2
    entropy: float = 0.001
    gradient_norm: float = 0.5
    violation_penalty: float = PRICES.violation
    oom_penalty: float = PRICES.kill_per_h


@dataclass(frozen=True, slots=True)
class Stay:
    """What N policies met with M workloads each in T decisions.

    inputs [N, M, T + 1, I], actions [N, M, T, 3], violations [N, M, T]: shares;
    rewards [N, M, T] with violations and kills priced.
    """

    inputs: Tensor
    actions: Tensor
    rewards: Tensor
    violations: npt.NDArray[np.float32]


class StackedPpo:
    """The policies with what trains them."""

    def __init__(self, policies: StackedPolicies, constants: PpoConstants, seed: int) -> None:
        self.policies = policies
        self._constants = constants
        self._optimizer = torch.optim.Adam(policies.parameters(), eps=1e-5)
        self._generator = torch.Generator()
        self._generator.manual_seed(seed)

    def stay(
        self,
        course: DirectCourse,
        first: Observations,
        rates: FloatArray,
        noise: FloatArray,
        contexts: npt.NDArray[np.float32] | None = None,
    ) -> tuple[Stay, Observations]:
        """Explore for the minutes of rates [T, N M, 4]: what was met, and the last observations.

        contexts [N M, C] are read beside the observations [N M, O].
        """
        policies = self.policies
        minutes, rows = rates.shape[:2]
        shape = (policies.count, rows // policies.count)
        scale = policies.bounded_log_scale().detach().exp()[:, None, :]
        inputs, actions = [with_context(first, contexts)], []
        outcomes = np.empty((3, minutes, rows))
        for minute in range(minutes):
            seen = torch.from_numpy(inputs[-1]).view(*shape, -1)
            with torch.no_grad():
                mean = policies.mean(seen)
            action = mean + scale * torch.randn(mean.shape, generator=self._generator)
            chosen = action.reshape(rows, -1).numpy()
            observations, outcome = course.decide(chosen, rates[minute], noise[minute])
            inputs.append(with_context(observations, contexts))
            actions.append(action)
            outcomes[:, minute] = outcome.T
        reward, violation, kills = outcomes
        # One kill in a minute is a rate of 60 an hour.
        rewards = (
            reward
            - self._constants.violation_penalty * violation
            - self._constants.oom_penalty * 60.0 * kills
        )
        return (
            Stay(
                torch.from_numpy(np.stack(inputs, axis=1)).view(*shape, minutes + 1, -1),
                torch.stack(actions, dim=2),
                torch.from_numpy(rewards.T.reshape(*shape, minutes)).float(),
                violation.T.reshape(*shape, minutes).astype(np.float32),
            ),
            observations,
        )

    def improve(self, stay: Stay, remaining: float = 1.0) -> None:
        """One update of each policy from its own workloads; `remaining` scales the rate."""
        constants, policies = self._constants, self.policies
        floor = constants.final_rate_share
        for group in self._optimizer.param_groups:
            group["lr"] = constants.learning_rate * (floor + (1.0 - floor) * remaining)
        count, workloads, minutes = stay.rewards.shape
        flat = stay.inputs[:, :, :-1].reshape(count, workloads * minutes, -1)
        taken = stay.actions.reshape(count, workloads * minutes, -1)
        with torch.no_grad():
            values = policies.value(stay.inputs.reshape(count, workloads * (minutes + 1), -1))
            values = values.reshape(count * workloads, minutes + 1)
            advantages = generalised_advantages(
                stay.rewards.reshape(count * workloads, minutes),
                values,
                constants.discount,
                constants.decay,
            )
            returns = (advantages + values[:, :-1]).reshape(count, -1)
            advantages = advantages.reshape(count, -1)
            advantages = (advantages - advantages.mean(dim=1, keepdim=True)) / (
                advantages.std(dim=1, keepdim=True) + 1e-8
            )
            old = policies.log_probability(flat, taken)
        for _ in range(constants.epochs):
            order = torch.randperm(flat.shape[1], generator=self._generator)
            for chosen in order.chunk(constants.minibatches):
                self._step(
                    flat[:, chosen], taken[:, chosen], old[:, chosen],
                    advantages[:, chosen], returns[:, chosen],
                )  # fmt: skip

    def _step(
        self, inputs: Tensor, actions: Tensor, old: Tensor, advantages: Tensor, returns: Tensor
    ) -> None:
        """One step of Adam on the sum of the policies' losses: their gradients don't meet."""
        constants, policies = self._constants, self.policies
        ratio = torch.exp(policies.log_probability(inputs, actions) - old)
        bounded = ratio.clamp(1.0 - constants.clip, 1.0 + constants.clip)
        gain = torch.minimum(ratio * advantages, bounded * advantages).mean(dim=1)
        error = 0.5 * (policies.value(inputs) - returns).square().mean(dim=1)
        entropy = policies.bounded_log_scale().sum(dim=1)
        loss = (0.5 * error - gain - constants.entropy * entropy).sum()
        self._optimizer.zero_grad(set_to_none=True)
        loss.backward()
        _clip_each(policies, constants.gradient_norm)
        self._optimizer.step()


def with_context(
    observations: Observations, contexts: npt.NDArray[np.float32] | None
) -> Observations:
    """Observations [B, O] with contexts [B, C] beside them where there are any."""
    if contexts is None:
        return observations
    return np.concatenate([observations, contexts], axis=1)


def _clip_each(policies: StackedPolicies, most: float) -> None:
    """Shorten each policy's gradient to the norm `most`."""
    gradients = [tensor.grad for tensor in policies.parameters() if tensor.grad is not None]
    squares = torch.stack([one.flatten(1).square().sum(dim=1) for one in gradients]).sum(dim=0)
    factor = (most / (squares.sqrt() + 1e-6)).clamp(max=1.0)
    for one in gradients:
        one.mul_(factor.view(-1, *[1] * (one.ndim - 1)))
