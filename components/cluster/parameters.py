"""What makes one service differ from another: where each number lies in a row [P] of them."""

from __future__ import annotations

import numpy as np

from components.cluster.compiled import FloatArray
from components.cluster.parameter_table import (
    EVERY_SERVICE_COUNT,
    GIB,
    KIB,
    MIB,
    SERVICE_PARAMETERS,
    ParameterSpec,
)

__all__ = ["EVERY_SERVICE_COUNT", "GIB", "KIB", "MIB", "SERVICE_PARAMETERS", "ParameterSpec"]

PARAMETER_NAMES: tuple[str, ...] = tuple(spec.name for spec in SERVICE_PARAMETERS)
PARAMETER_COUNT = len(SERVICE_PARAMETERS)

SERVICE_DEMAND_MS = 0
DEMAND_VARIABILITY = 1
WAIT_MS = 2
PARALLELISM_CORES = 3
CONCURRENCY_LIMIT = 4
TIMEOUT_MS = 5
IDLE_CPU_M = 6
MEMORY_BASE_BYTES = 7
MEMORY_PER_REQUEST_BYTES = 8
MEMORY_RELEASE_PER_STEP = 9
STARTUP_S = 10
STARTUP_CPU_M = 11
RESIZE_DELAY_S = 12
RESIZE_RESTARTS = 13
OOM_RESTART_S = 14
METRIC_NOISE = 15
METRIC_DELAY_S = 16
TAIL_FACTOR = 17
WAIT_VARIABILITY = 18
ARRIVAL_VARIABILITY = 19
STALL_SHARE = 20
STALL_MS = 21
RETRY_SHARE = 22
RETRY_CAP = 23
RETRY_DELAY_S = 24
MEMORY_GROWTH_BYTES_PER_H = 25
DRAIN_S = 26
NODE_CPU_M = 27
NODE_MEMORY_BYTES = 28
SCHEDULING_DELAY_S = 29


def lows(specs: tuple[ParameterSpec, ...]) -> FloatArray:
    """Lower bounds [len(specs)]."""
    return np.array([spec.low for spec in specs], dtype=np.float64)


def highs(specs: tuple[ParameterSpec, ...]) -> FloatArray:
    """Upper bounds [len(specs)]."""
    return np.array([spec.high for spec in specs], dtype=np.float64)


def neutral_row() -> FloatArray:
    """A row [P] in which only what every service has is left to be filled: zeros, then neutral."""
    return np.array([spec.neutral or 0.0 for spec in SERVICE_PARAMETERS], dtype=np.float64)


def clip_parameters(parameters: FloatArray) -> FloatArray:
    """Service parameters [..., P] moved inside their bounds."""
    return np.clip(parameters, lows(SERVICE_PARAMETERS), highs(SERVICE_PARAMETERS))
