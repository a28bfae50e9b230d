"""Proximal policy optimisation with a categorical action, for episodes of a fixed length."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from components.agent.initialisation import linear
from components.agent.losses import clipped_policy_loss, generalised_advantages, value_loss


@dataclass(frozen=True, slots=True)
class CategoricalPpoSettings:
    """How an update is made.

    discount, advantage_decay: gamma and lambda of the advantages.
    clip: how far a probability ratio may move.
    epochs, minibatches: passes over the episodes, and their parts.
    learning_rate: Adam's; entropy_weight: of the exploration bonus; both fall linearly to 0.
    value_weight, gradient_norm: the critic's share of the loss; the gradient's largest norm.
    """

    discount: float = 0.99
    advantage_decay: float = 0.95
    clip: float = 0.2
    epochs: int = 6
    minibatches: int = 4
    learning_rate: float = 5e-3
    entropy_weight: float = 0.01
    value_weight: float = 0.5
    gradient_norm: float = 0.5


@dataclass(frozen=True, slots=True)
class Episodes:
    """B whole episodes of T steps: observations [B, T, O], actions [B, T], rewards [B, T]."""

    observations: Tensor
    actions: Tensor
    rewards: Tensor


class CategoricalActorCritic(nn.Module):
    """Two small networks: logits of the actions, and the value of what is left of an episode."""

    def __init__(
        self, observations: int, actions: int, hidden: int, generator: torch.Generator
    ) -> None:
        """Untrained, every action is as likely as another."""
        super().__init__()
        self.actor = _network(observations, hidden, actions, generator, last_gain=0.01)
        self.critic = _network(observations, hidden, 1, generator, last_gain=1.0)

    def log_probabilities(self, observations: Tensor) -> Tensor:
        """Of every action, [..., A], from observations [..., O]."""
        logits: Tensor = self.actor(observations)
        return torch.log_softmax(logits, dim=-1)

    def value(self, observations: Tensor) -> Tensor:
        """Expected discounted reward until the episode's end, [...], from [..., O]."""
        value: Tensor = self.critic(observations)
        return value.squeeze(-1)


def improve(
    network: CategoricalActorCritic,
    optimizer: torch.optim.Optimizer,
    episodes: Episodes,
    remaining: float,
    settings: CategoricalPpoSettings,
    generator: torch.Generator,
) -> float:
    """One PPO update of the network, in place; returns the policy's entropy before it.

    remaining is the share of the training still to come, in [0, 1].
    """
    for group in optimizer.param_groups:
        group["lr"] = settings.learning_rate * remaining
    with torch.no_grad():
        everything = network.log_probabilities(episodes.observations)
        before = _of(everything, episodes.actions)
        # An episode ends after its last step: nothing comes behind it.
        values = nn.functional.pad(network.value(episodes.observations), (0, 1))
        advantages = generalised_advantages(
            episodes.rewards, values, settings.discount, settings.advantage_decay
        )
        returns = advantages + values[:, :-1]
        advantages = (advantages - advantages.mean()) / (advantages.std() + 1e-8)
        entropy = float(_entropy(everything))
    count = episodes.actions.shape[0]
    for _ in range(settings.epochs):
        order = torch.randperm(count, generator=generator)
        for part in order.chunk(min(settings.minibatches, count)):
            now = network.log_probabilities(episodes.observations[part])
            loss = clipped_policy_loss(
                _of(now, episodes.actions[part]), before[part], advantages[part], settings.clip
            )
            value = network.value(episodes.observations[part])
            loss = loss + settings.value_weight * value_loss(value, returns[part])
            loss = loss - settings.entropy_weight * remaining * _entropy(now)
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(network.parameters(), settings.gradient_norm)
            optimizer.step()
    return entropy


def _of(log_probabilities: Tensor, actions: Tensor) -> Tensor:
    return log_probabilities.gather(-1, actions[..., None]).squeeze(-1)


def _entropy(log_probabilities: Tensor) -> Tensor:
    return -(log_probabilities.exp() * log_probabilities).sum(dim=-1).mean()


def _network(
    inputs: int, hidden: int, outputs: int, generator: torch.Generator, last_gain: float
) -> nn.Sequential:
    return nn.Sequential(
        linear(inputs, hidden, generator),
        nn.Tanh(),
        linear(hidden, hidden, generator),
        nn.Tanh(),
        linear(hidden, outputs, generator, gain=last_gain),
    )
