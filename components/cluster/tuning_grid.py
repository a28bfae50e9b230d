"""The candidates that the tuner tries for each workload, relative to the best so far."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from components.cluster import limits as lim
from components.cluster.autoscaler_rollout import HORIZONTAL, MARGIN, TARGET
from components.cluster.compiled import FloatArray
from components.cluster.horizontal import HPA_CPU
from components.cluster.limits import clip_allocation

TARGETS = np.array([0.15, 0.22, 0.3, 0.38, 0.46, 0.55, 0.65, 0.75, 0.85])
# Of a target that is an amount: how many replicas the usual load would have, between the bounds.
REPLICA_POSITIONS = np.linspace(0.0, 1.0, 9)
CPU_POSITIONS = np.linspace(0.0, 1.0, 7)
MARGINS = np.array([0.02, 0.05, 0.1, 0.15, 0.25, 0.4, 0.7])
MEMORY_POSITIONS = np.linspace(0.05, 1.0, 12)
# Second pass around the best of the grid.
FINE_TARGETS = np.array([0.86, 0.93, 1.0, 1.08, 1.16])
FINE_CPU = np.array([0.84, 0.92, 1.0, 1.09, 1.19])
_LEAST_TARGET, _MOST_UTILISATION = 0.05, 1.0


@dataclass(frozen=True, slots=True)
class Change:
    """One candidate of every workload [B]; None leaves a value as it is."""

    target: FloatArray | None = None
    target_factor: float = 1.0
    cpu_m: FloatArray | None = None
    cpu_factor: float = 1.0
    margin: float | None = None
    memory: FloatArray | None = None

    def apply(
        self, allocation: FloatArray, settings: FloatArray, limits: FloatArray
    ) -> tuple[FloatArray, FloatArray]:
        """(allocations [B, 3], settings [B, 4]) with the change."""
        sizes, rows = allocation.copy(), settings.copy()
        if self.target is not None:
            rows[:, TARGET] = self.target
        most = np.where(rows[:, HORIZONTAL] == HPA_CPU, _MOST_UTILISATION, np.inf)
        least = np.where(rows[:, HORIZONTAL] == HPA_CPU, _LEAST_TARGET, 0.0)
        rows[:, TARGET] = np.clip(rows[:, TARGET] * self.target_factor, least, most)
        if self.margin is not None:
            rows[:, MARGIN] = self.margin
        if self.cpu_m is not None:
            sizes[:, lim.CPU_M] = self.cpu_m
        sizes[:, lim.CPU_M] = np.round(sizes[:, lim.CPU_M] * self.cpu_factor)
        if self.memory is not None:
            sizes[:, lim.MEMORY_BYTES] = np.round(self.memory)
        return clip_allocation(sizes, limits), rows


def coarse(limits: FloatArray, usual: FloatArray | None) -> list[Change]:
    """Every target with every CPU size.

    usual [B] is the usual amount over all replicas of what an amount's target is of; None where
    the target is a utilisation.
    """
    low, high = limits[:, lim.CPU_MIN_M], limits[:, lim.CPU_MAX_M]
    sizes = [low * (high / low) ** position for position in CPU_POSITIONS]
    return [
        Change(target=target, cpu_m=size) for target in _targets(limits, usual) for size in sizes
    ]


def _targets(limits: FloatArray, usual: FloatArray | None) -> list[FloatArray]:
    if usual is None:
        return [np.full(len(limits), target) for target in TARGETS]
    few, many = limits[:, lim.REPLICAS_MIN], limits[:, lim.REPLICAS_MAX]
    return [usual / (few * (many / few) ** position) for position in REPLICA_POSITIONS[::-1]]


def fine() -> list[Change]:
    """A finer grid of factors around the best target and CPU size."""
    return [
        Change(target_factor=float(target), cpu_factor=float(cpu))
        for target in FINE_TARGETS
        for cpu in FINE_CPU
    ]


def margins() -> list[Change]:
    """Every margin of VPA on memory."""
    return [Change(margin=float(margin)) for margin in MARGINS]


def memory_sizes(limits: FloatArray) -> list[Change]:
    """Every memory size between the bounds."""
    low, high = limits[:, lim.MEMORY_MIN_BYTES], limits[:, lim.MEMORY_MAX_BYTES]
    return [Change(memory=low * (high / low) ** position) for position in MEMORY_POSITIONS]
