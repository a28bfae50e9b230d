"""Proximal policy optimisation over the parameters of a rule, for many workloads at once.

An action is a whole rule, in the unit box, that is then in charge for a term of several decision
intervals: a rule's worth shows only after a while, and noise that changes every minute would
mostly average out. Its mean depends on the workload alone, so the actions of a stretch can be
drawn before the stretch is simulated.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from components.agent.actor_critic import ActorCritic
from components.agent.losses import (
    clipped_policy_loss,
    gaussian_entropy,
    gaussian_log_probability,
    generalised_advantages,
    value_loss,
)
from components.agent.workers import ALONE, Workers
from components.cluster.compiled import FloatArray
from components.policy.prices import PROPOSAL_KILL_PRICE_PER_H


@dataclass(frozen=True, slots=True)
class PpoSettings:
    """How an update is made; the values that worked on simulated services.

    discount, advantage_decay: gamma and lambda of the advantages, from term to term.
    clip: how far a probability ratio may move.
    epochs, minibatches: passes over a stretch, and its parts (split by workload).
    learning_rate: Adam's at the start; it falls linearly to `final_learning_rate_share` of it.
    entropy_weight: at the start; it falls linearly to 0.
    value_weight, gradient_norm: the critic's share of the loss; the gradient's largest norm.
    oom_penalty: reward that one OOM kill an hour costs.
    """

    discount: float = 0.5
    advantage_decay: float = 0.9
    clip: float = 0.2
    epochs: int = 4
    minibatches: int = 4
    learning_rate: float = 2e-3
    final_learning_rate_share: float = 0.1
    entropy_weight: float = 0.001
    value_weight: float = 0.5
    gradient_norm: float = 0.5
    oom_penalty: float = PROPOSAL_KILL_PRICE_PER_H


@dataclass(frozen=True, slots=True)
class Stretch:
    """What a batch of workloads met in T terms.

    observations: before each term and after the last, [B, T + 1, O].
    rewards: mean over each term's decisions, [B, T].
    violations: share of each term in which the objective was missed, [B, T].
    kills_per_h: OOM kills an hour in each term, [B, T].
    """

    observations: FloatArray
    rewards: FloatArray
    violations: FloatArray
    kills_per_h: FloatArray


def draw_actions(
    network: ActorCritic, contexts: Tensor, terms: int, generator: torch.Generator
) -> Tensor:
    """Explored rules for each term of a stretch, [B, T, K], from contexts [B, C].

    They may leave the unit box; who acts on them clips them.
    """
    with torch.no_grad():
        mean = network.mean(contexts)[:, None, :]
        shape = (contexts.shape[0], terms, mean.shape[-1])
        noise = torch.randn(shape, generator=generator)
        return mean + network.bounded_log_scale().exp() * noise


def improve(
    network: ActorCritic,
    optimizer: torch.optim.Optimizer,
    contexts: Tensor,
    actions: Tensor,
    stretch: Stretch,
    multiplier: float,
    remaining: float,
    settings: PpoSettings,
    generator: torch.Generator,
    workers: Workers = ALONE,
) -> None:
    """One PPO update of the network, in place; with others, of all their workloads together.

    Args:
        network: the actor and the critic.
        optimizer: of the network's parameters.
        contexts: [B, C].
        actions: the rules in charge, [B, T, K].
        stretch: what they led to.
        multiplier: the price of a violation in units of reward.
        remaining: share of the training still to come, in [0, 1]; scales rate and entropy.
        settings: the constants.
        generator: orders the minibatches.
        workers: with whom the gradients are averaged, in as many minibatches each.
    """
    for group in optimizer.param_groups:
        floor = settings.final_learning_rate_share
        group["lr"] = settings.learning_rate * (floor + (1.0 - floor) * remaining)
    observations = torch.from_numpy(stretch.observations).float()
    priced = torch.from_numpy(
        stretch.rewards
        - multiplier * stretch.violations
        - settings.oom_penalty * stretch.kills_per_h
    ).float()
    spread = contexts[:, None, :].expand(-1, observations.shape[1], -1)
    with torch.no_grad():
        values = network.value(spread, observations)
        advantages = generalised_advantages(
            priced, values, settings.discount, settings.advantage_decay
        )
        returns = advantages + values[:, :-1]
        advantages = _normalised(advantages, workers)
        old = _log_probabilities(network, contexts, actions)
    for _ in range(settings.epochs):
        order = torch.randperm(contexts.shape[0], generator=generator)
        for chosen in order.tensor_split(settings.minibatches):
            new = _log_probabilities(network, contexts[chosen], actions[chosen])
            estimate = network.value(spread[chosen, :-1], observations[chosen, :-1])
            loss = (
                clipped_policy_loss(new, old[chosen], advantages[chosen], settings.clip)
                + settings.value_weight * value_loss(estimate, returns[chosen])
                - settings.entropy_weight
                * remaining
                * gaussian_entropy(network.bounded_log_scale())
            )
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            workers.average([one.grad for one in network.parameters() if one.grad is not None])
            torch.nn.utils.clip_grad_norm_(network.parameters(), settings.gradient_norm)
            optimizer.step()


def next_multiplier(
    multiplier: float, violation: float, budget: float, step: float, highest: float
) -> float:
    """The price of a violation after a stretch: dual ascent on the violation budget.

    multiplier + step * (violation - budget), kept in [0, highest]: it rises while the policy
    violates more than its budget and falls while it violates less.
    """
    return min(max(multiplier + step * (violation - budget), 0.0), highest)


def _normalised(advantages: Tensor, workers: Workers) -> Tensor:
    """Advantages [B, T] less their mean, by their deviation, both over all processes."""
    moments = torch.stack([advantages.mean(), advantages.square().mean()])
    workers.average([moments])
    mean, square = moments
    deviation = (square - mean.square()).clamp(min=0.0).sqrt()
    normalised: Tensor = (advantages - mean) / (deviation + 1e-8)
    return normalised


def _log_probabilities(network: ActorCritic, contexts: Tensor, actions: Tensor) -> Tensor:
    mean = network.mean(contexts)[:, None, :].expand_as(actions)
    return gaussian_log_probability(actions, mean, network.bounded_log_scale())
