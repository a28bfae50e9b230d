"""How much one workload has, and how much of it a policy asks for."""

from __future__ import annotations

from dataclasses import dataclass

from components.workload.spec import Bounds

REPLICAS = 0
CPU = 1
MEMORY = 2
DIMENSIONS = ("replicas", "cpu", "memory")

Triple = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Allocation:
    """Replicas, and CPU (millicores) and memory (bytes) of each."""

    replicas: int
    cpu_m: int
    memory_bytes: int

    @property
    def values(self) -> Triple:
        """Return the three in the order of DIMENSIONS."""
        return self.replicas, self.cpu_m, self.memory_bytes


@dataclass(frozen=True, slots=True)
class Proposal:
    """What a policy or a rule asks for, as it came: any float, NaN included."""

    replicas: float
    cpu_m: float
    memory_bytes: float

    @property
    def values(self) -> tuple[float, float, float]:
        """Return the three in the order of DIMENSIONS."""
        return self.replicas, self.cpu_m, self.memory_bytes


def lowest(bounds: Bounds) -> Triple:
    """The minimums in the order of DIMENSIONS."""
    return bounds.replicas_min, bounds.cpu_min_m, bounds.memory_min_bytes


def highest(bounds: Bounds) -> Triple:
    """The maximums in the order of DIMENSIONS."""
    return bounds.replicas_max, bounds.cpu_max_m, bounds.memory_max_bytes
