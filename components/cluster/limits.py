"""What a workload's owner allows and asks for, as rows of numbers [B, L]."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from components.cluster.compiled import FloatArray
from components.workload.spec import Workload

SLO_LATENCY_MS = 0
SLO_PERCENTILE = 1
REPLICAS_MIN = 2
REPLICAS_MAX = 3
CPU_MIN_M = 4
CPU_MAX_M = 5
MEMORY_MIN_BYTES = 6
MEMORY_MAX_BYTES = 7
LIMITS_COUNT = 8

REPLICAS = 0
CPU_M = 1
MEMORY_BYTES = 2
ALLOCATION_COUNT = 3


def limits_of(workloads: Sequence[Workload]) -> FloatArray:
    """SLO and bounds of each workload: [B, L] in the order of this module's constants."""
    rows = np.empty((len(workloads), LIMITS_COUNT))
    for row, workload in zip(rows, workloads, strict=True):
        bounds = workload.bounds
        row[SLO_LATENCY_MS] = workload.slo.latency_ms
        row[SLO_PERCENTILE] = workload.slo.latency_percentile
        row[REPLICAS_MIN] = bounds.replicas_min
        row[REPLICAS_MAX] = bounds.replicas_max
        row[CPU_MIN_M] = bounds.cpu_min_m
        row[CPU_MAX_M] = bounds.cpu_max_m
        row[MEMORY_MIN_BYTES] = bounds.memory_min_bytes
        row[MEMORY_MAX_BYTES] = bounds.memory_max_bytes
    return rows


def clip_allocation(allocation: FloatArray, limits: FloatArray) -> FloatArray:
    """Allocations [B, 3] inside the bounds of limits [B, L], with whole replicas."""
    low = limits[:, [REPLICAS_MIN, CPU_MIN_M, MEMORY_MIN_BYTES]]
    high = limits[:, [REPLICAS_MAX, CPU_MAX_M, MEMORY_MAX_BYTES]]
    clipped: FloatArray = np.clip(allocation, low, high)
    clipped[:, REPLICAS] = np.round(clipped[:, REPLICAS])
    return clipped
