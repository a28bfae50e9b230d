"""Many policies of one shape at once: each weight has the policies as its first axis.

Fine-tuning one network a workload is hundreds of small products; stacked, it is one batched
product a layer, and Adam, which works number by number, trains each as if it were alone.
"""

from __future__ import annotations

import itertools
import math

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from components.agent.losses import gaussian_log_probability
from components.cluster.limits import ALLOCATION_COUNT

HIDDEN_SIZE = 64
FIRST_LOG_SCALE = -1.0
_LEAST_LOG_SCALE = -3.0


class StackedPolicies(nn.Module):
    """N Gaussian policies and values, each with two tanh layers of its own for both."""

    def __init__(self, count: int, inputs: int, generator: torch.Generator) -> None:
        """Orthogonal weights; the last of the actor near zero, so that it holds still at first."""
        super().__init__()
        self.actor = _layers(count, (inputs, HIDDEN_SIZE, HIDDEN_SIZE, ALLOCATION_COUNT), generator)
        self.critic = _layers(count, (inputs, HIDDEN_SIZE, HIDDEN_SIZE, 1), generator)
        with torch.no_grad():
            self.actor[-2].mul_(0.01)
        self.log_scale = nn.Parameter(torch.full((count, ALLOCATION_COUNT), FIRST_LOG_SCALE))

    @property
    def count(self) -> int:
        """N."""
        return int(self.log_scale.shape[0])

    def mean(self, inputs: Tensor) -> Tensor:
        """Actions without exploration [N, M, 3] from inputs [N, M, I]."""
        return _through(self.actor, inputs)

    def value(self, inputs: Tensor) -> Tensor:
        """Expected discounted reward [N, M] from inputs [N, M, I]."""
        return _through(self.critic, inputs).squeeze(-1)

    def bounded_log_scale(self) -> Tensor:
        """Log standard deviations of the exploration, [N, 3]."""
        return self.log_scale.clamp(_LEAST_LOG_SCALE, FIRST_LOG_SCALE)

    def log_probability(self, inputs: Tensor, actions: Tensor) -> Tensor:
        """Log-density [N, M] of actions [N, M, 3]; each policy has a scale of its own."""
        scale = self.bounded_log_scale().exp()[:, None, :]
        unit = (actions - self.mean(inputs)) / scale
        zero = torch.zeros(ALLOCATION_COUNT)
        alone = gaussian_log_probability(unit, torch.zeros_like(unit), zero)
        return alone - self.bounded_log_scale().sum(dim=-1, keepdim=True)

    def act(self, inputs: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Actions without exploration [N, M, 3] from inputs [N, M, I]."""
        with torch.no_grad():
            actions: npt.NDArray[np.float32] = self.mean(torch.from_numpy(inputs)).numpy()
        return actions

    def copied(self, rows: list[int]) -> StackedPolicies:
        """New policies that begin as those of `rows` are."""
        inputs = self.actor[0].shape[1]
        copy = StackedPolicies(len(rows), inputs, torch.Generator())
        copy.load_state_dict({name: tensor[rows] for name, tensor in self.state_dict().items()})
        return copy


def _layers(count: int, sizes: tuple[int, ...], generator: torch.Generator) -> nn.ParameterList:
    """Weights [N, I, J] and biases [N, 1, J] of each layer, one after the other."""
    found = nn.ParameterList()
    for first, second in itertools.pairwise(sizes):
        weight = torch.empty(count, first, second)
        for one in weight:
            nn.init.orthogonal_(one, gain=math.sqrt(2.0), generator=generator)
        found.append(nn.Parameter(weight))
        found.append(nn.Parameter(torch.zeros(count, 1, second)))
    return found


def _through(layers: nn.ParameterList, inputs: Tensor) -> Tensor:
    hidden = inputs
    for index in range(0, len(layers), 2):
        if index:
            hidden = torch.tanh(hidden)
        hidden = torch.baddbmm(layers[index + 1], hidden, layers[index])
    return hidden
