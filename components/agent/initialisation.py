"""Initial weights drawn from a given generator: no global seed decides them."""

from __future__ import annotations

import math

import torch
from torch import nn


def generator_of(seed: int) -> torch.Generator:
    """A CPU generator of that seed."""
    generator = torch.Generator()
    generator.manual_seed(seed)
    return generator


def linear(inputs: int, outputs: int, generator: torch.Generator, gain: float = 1.0) -> nn.Linear:
    """A linear layer with orthogonal weights of the given gain and zero biases."""
    layer = nn.Linear(inputs, outputs)
    nn.init.orthogonal_(layer.weight, gain, generator=generator)
    nn.init.zeros_(layer.bias)
    return layer


def recurrent(inputs: int, hidden: int, generator: torch.Generator) -> nn.GRU:
    """A one-layer batch-first GRU, weights uniform in +-1 / sqrt(hidden)."""
    layer = nn.GRU(inputs, hidden, batch_first=True)
    bound = 1.0 / math.sqrt(hidden)
    for parameter in layer.parameters():
        nn.init.uniform_(parameter, -bound, bound, generator=generator)
    return layer
