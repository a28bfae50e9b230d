"""Where replicas find room: on nodes of so much CPU and memory, one after another."""

from __future__ import annotations

import math

from components.cluster.compiled import FloatArray, compiled_inline
from components.cluster.parameters import NODE_CPU_M, NODE_MEMORY_BYTES
from components.cluster.state import (
    CPU_M_NOW,
    DRAINING_REPLICAS,
    MEMORY_BYTES_NOW,
    READY,
    STARTING,
    STARTING_STEPS,
)

_PLENTY = 1e12


@compiled_inline
def limited(parameters: FloatArray) -> bool:
    """Whether the nodes' room is known to be limited at all."""
    return bool(parameters[NODE_CPU_M] > 0.0 or parameters[NODE_MEMORY_BYTES] > 0.0)


@compiled_inline
def fitting(parameters: FloatArray, cpu_m: float, memory_bytes: float) -> float:
    """How many replicas of this size there is room for; pieces between nodes aren't modelled."""
    most = _PLENTY
    if parameters[NODE_CPU_M] > 0.0:
        most = math.floor(parameters[NODE_CPU_M] / cpu_m)
    if parameters[NODE_MEMORY_BYTES] > 0.0:
        most = min(most, math.floor(parameters[NODE_MEMORY_BYTES] / memory_bytes))
    return float(most)


@compiled_inline
def placed(state: FloatArray) -> float:
    """Replicas that have their room: ready, starting or draining."""
    total = state[READY] + state[DRAINING_REPLICAS]
    for slot in range(STARTING_STEPS):
        total += state[STARTING + slot]
    return float(total)


@compiled_inline
def resize_fits(
    state: FloatArray, parameters: FloatArray, cpu_m: float, memory_bytes: float
) -> bool:
    """Whether replicas can change to this size where they are; else the resize is deferred."""
    if not limited(parameters):
        return True
    smaller = cpu_m <= state[CPU_M_NOW] and memory_bytes <= state[MEMORY_BYTES_NOW]
    return bool(smaller or placed(state) <= fitting(parameters, cpu_m, memory_bytes))
