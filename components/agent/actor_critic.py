"""The meta-policy: which rule suits a workload of this kind; and the critic that trains it."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from components.agent.initialisation import linear

HIDDEN_SIZE = 64
INITIAL_SCALE = 0.12
_SMALLEST_SCALE = 0.02


class ActorCritic(nn.Module):
    """Gaussian over the rule's parameters in the unit box, and a value.

    The actor reads the workload's context (its past as mean observation and embedding), which
    doesn't change from decision to decision: what it proposes is one rule, that reacts by
    itself. The critic reads the current observation as well.
    """

    def __init__(
        self,
        observation_count: int,
        embedding_size: int,
        start_unit: Tensor,
        generator: torch.Generator,
    ) -> None:
        """An untrained actor proposes `start_unit` [K] (each in (0, 1)) for every workload."""
        super().__init__()
        context, rule_count = observation_count + embedding_size, start_unit.shape[0]
        self.actor = _network(context, rule_count, generator, last_gain=0.01)
        self.critic = _network(context + observation_count, 1, generator, last_gain=1.0)
        self.log_scale = nn.Parameter(torch.full((rule_count,), math.log(INITIAL_SCALE)))
        self.start_logit: Tensor
        self.register_buffer("start_logit", torch.logit(start_unit, eps=1e-3))

    def mean(self, context: Tensor) -> Tensor:
        """The proposed rule in the unit box, [..., K], from context [..., O + E]."""
        return torch.sigmoid(self.start_logit + self.actor(context))

    def bounded_log_scale(self) -> Tensor:
        """Log standard deviations of the exploration in the unit box, [K]."""
        return self.log_scale.clamp(math.log(_SMALLEST_SCALE), math.log(INITIAL_SCALE))

    def value(self, context: Tensor, observations: Tensor) -> Tensor:
        """Expected discounted reward from here, [...], from [..., O + E] and [..., O]."""
        value: Tensor = self.critic(torch.cat([context, observations], dim=-1))
        return value.squeeze(-1)


def _network(
    inputs: int, outputs: int, generator: torch.Generator, last_gain: float
) -> nn.Sequential:
    return nn.Sequential(
        linear(inputs, HIDDEN_SIZE, generator),
        nn.Tanh(),
        linear(HIDDEN_SIZE, HIDDEN_SIZE, generator),
        nn.Tanh(),
        linear(HIDDEN_SIZE, outputs, generator, gain=last_gain),
    )
