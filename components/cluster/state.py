"""What the simulator carries from one step to the next, as rows of numbers [B, S]."""

from __future__ import annotations

import numpy as np

from components.cluster.compiled import FloatArray, borrowed, compiled, contiguous
from components.cluster.limits import CPU_M, MEMORY_BYTES, REPLICAS, clip_allocation
from components.cluster.parameters import (
    ARRIVAL_VARIABILITY,
    CONCURRENCY_LIMIT,
    DEMAND_VARIABILITY,
    IDLE_CPU_M,
    MEMORY_BASE_BYTES,
    MEMORY_PER_REQUEST_BYTES,
    OOM_RESTART_S,
    PARALLELISM_CORES,
    SERVICE_DEMAND_MS,
    WAIT_MS,
)
from components.cluster.queueing import station

READY = 0
TO_RESTART = 1
CPU_M_NOW = 2
MEMORY_BYTES_NOW = 3
CPU_M_TARGET = 4
MEMORY_BYTES_TARGET = 5
RESIZE_LEFT_S = 6
QUEUED_REQUESTS = 7
MEMORY_LEVEL_BYTES = 8
RESTART_BACKOFF_S = 9
# What the metrics showed one step ago, before noise: a delayed metric blends it in.
HAS_PREVIOUS = 10
PREVIOUS_RATE = 11
PREVIOUS_LATENCY = 12
PREVIOUS_LATENCY_P50 = 13
PREVIOUS_CPU = 14
PREVIOUS_MEMORY = 15
PREVIOUS_ERROR = 16
# Replicas that become ready at the end of the k-th step from now.
STARTING = 17
STARTING_STEPS = 16
# Replicas that were removed and end in the k-th step from now; the requests that they still have.
DRAINING = STARTING + STARTING_STEPS
DRAINING_STEPS = 8
DRAINING_REPLICAS = DRAINING + DRAINING_STEPS
DRAINING_REQUESTS = DRAINING_REPLICAS + 1
# Replicas that wait for room on a node.
PENDING = DRAINING_REQUESTS + 1
# Failed requests that their clients will send again.
RETRYING_REQUESTS = PENDING + 1
# What replicas have grown by with their age, on average over those ready and starting.
GROWN_BYTES = RETRYING_REQUESTS + 1
STATE_COUNT = GROWN_BYTES + 1


@compiled
def initial_one(
    state: FloatArray,
    parameters: FloatArray,
    replicas: float,
    cpu_m: float,
    memory_bytes: float,
    rate_per_s: float,
) -> None:
    """Fill one state row [S] with a service that has run at this allocation and rate for long."""
    state[:] = 0.0
    pods = max(1.0, np.round(replicas))
    state[READY] = pods
    state[CPU_M_NOW] = cpu_m
    state[MEMORY_BYTES_NOW] = memory_bytes
    state[CPU_M_TARGET] = cpu_m
    state[MEMORY_BYTES_TARGET] = memory_bytes
    state[RESTART_BACKOFF_S] = parameters[OOM_RESTART_S]
    demand_s = parameters[SERVICE_DEMAND_MS] * 1e-3
    wait_s = parameters[WAIT_MS] * 1e-3
    mean_s, _, _, _ = station(
        rate_per_s / pods,
        max(cpu_m - parameters[IDLE_CPU_M], 0.05 * cpu_m) * 1e-3,
        demand_s,
        parameters[DEMAND_VARIABILITY],
        wait_s,
        parameters[PARALLELISM_CORES],
        parameters[CONCURRENCY_LIMIT],
        parameters[ARRIVAL_VARIABILITY],
    )
    busy = min(rate_per_s / pods * (wait_s + mean_s), parameters[CONCURRENCY_LIMIT])
    level = parameters[MEMORY_BASE_BYTES] + parameters[MEMORY_PER_REQUEST_BYTES] * busy
    # A replica over its limit would not have lived until now.
    state[MEMORY_LEVEL_BYTES] = min(level, 0.95 * memory_bytes)


@compiled
def initial_rows(
    state: FloatArray, parameters: FloatArray, allocation: FloatArray, rates_per_s: FloatArray
) -> None:
    """initial_one for each row."""
    state = borrowed(state)
    parameters = borrowed(parameters)
    allocation = borrowed(allocation)
    rates_per_s = borrowed(rates_per_s)
    for row in range(state.shape[0]):
        initial_one(
            state[row],
            parameters[row],
            allocation[row, REPLICAS],
            allocation[row, CPU_M],
            allocation[row, MEMORY_BYTES],
            rates_per_s[row],
        )


def initial_state(
    parameters: FloatArray, limits: FloatArray, allocation: FloatArray, rates_per_s: FloatArray
) -> FloatArray:
    """States [B, S] of services in balance at allocation [B, 3] and rates [B].

    The allocation is moved inside the bounds of limits [B, L] first.
    """
    state = np.empty((parameters.shape[0], STATE_COUNT))
    inside = contiguous(clip_allocation(contiguous(allocation), limits))
    initial_rows(state, contiguous(parameters), inside, contiguous(rates_per_s))
    return state
