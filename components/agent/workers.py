"""Processes that train one network together, each on workloads of its own.

Every process takes the same steps: gradients are averaged before each, so that the networks stay
equal. torchrun and Kubeflow's Trainer start such processes and tell each by its environment who it
is. They trust each other: their network must be theirs.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
import torch.distributed as distributed
from torch import Tensor


class Workers(Protocol):
    """What a process knows of the others: its rank, 0 ... count - 1, and how to meet them."""

    @property
    def rank(self) -> int:
        """Which of the processes this one is; 0 writes."""

    @property
    def count(self) -> int:
        """How many processes there are."""

    def average(self, tensors: Sequence[Tensor]) -> None:
        """Put the mean over all processes into each tensor, in place."""

    def gather(self, value: bytes) -> list[bytes]:
        """The values of all processes, by rank."""


@dataclass(frozen=True, slots=True)
class Alone:
    """One process, which asks nobody."""

    rank: int = 0
    count: int = 1

    def average(self, tensors: Sequence[Tensor]) -> None:
        """The mean over one process is what it has."""

    def gather(self, value: bytes) -> list[bytes]:
        """Its own value."""
        return [value]


@dataclass(frozen=True, slots=True)
class Together:
    """The processes of torch.distributed's default group, over gloo."""

    rank: int
    count: int

    def average(self, tensors: Sequence[Tensor]) -> None:
        """One message for all tensors: they are small."""
        if not tensors:
            return
        flat = torch.cat([tensor.reshape(-1) for tensor in tensors])
        distributed.all_reduce(flat)
        flat /= self.count
        sizes = [tensor.numel() for tensor in tensors]
        for tensor, part in zip(tensors, flat.split(sizes), strict=True):
            tensor.copy_(part.view_as(tensor))

    def gather(self, value: bytes) -> list[bytes]:
        """As plain bytes: torch's own way for objects would unpickle them."""
        own = torch.tensor([len(value)])
        lengths = [torch.zeros_like(own) for _ in range(self.count)]
        distributed.all_gather(lengths, own)
        longest = max(int(length) for length in lengths)
        padded = torch.zeros(longest, dtype=torch.uint8)
        padded[: len(value)] = torch.frombuffer(bytearray(value), dtype=torch.uint8)
        found = [torch.empty_like(padded) for _ in range(self.count)]
        distributed.all_gather(found, padded)
        return [
            one[: int(length)].numpy().tobytes() for one, length in zip(found, lengths, strict=True)
        ]


ALONE = Alone()


def workers_of_environment() -> Workers:
    """The processes that torchrun's environment (WORLD_SIZE, RANK, MASTER_ADDR) tells of."""
    if int(os.environ.get("WORLD_SIZE", "1")) <= 1:
        return ALONE
    distributed.init_process_group("gloo")
    return Together(distributed.get_rank(), distributed.get_world_size())


def part_ways(workers: Workers) -> None:
    """Ends what workers_of_environment began."""
    if workers.count > 1:
        distributed.destroy_process_group()
