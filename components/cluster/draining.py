"""Removed replicas: they get no new requests, serve what they have, cost, and end.

A replica gets its share of the queue with it. What it hasn't served when its grace is over has
failed.
"""

from __future__ import annotations

import math

from components.cluster.compiled import FloatArray, compiled_inline
from components.cluster.parameters import (
    CONCURRENCY_LIMIT,
    DRAIN_S,
    IDLE_CPU_M,
    PARALLELISM_CORES,
    SERVICE_DEMAND_MS,
    WAIT_MS,
)
from components.cluster.sample import (
    ARRIVED,
    EXACT_CPU_USAGE_M,
    EXACT_FAILED_RATIO,
    FAILED,
    QUEUED,
    REPLICAS_DRAINING,
    SERVED,
    STEP_S,
)
from components.cluster.state import (
    CPU_M_NOW,
    DRAINING,
    DRAINING_REPLICAS,
    DRAINING_REQUESTS,
    DRAINING_STEPS,
    QUEUED_REQUESTS,
    READY,
)


@compiled_inline
def begin_drain(state: FloatArray, parameters: FloatArray, removed: float) -> None:
    """Let `removed` of the ready replicas drain; without a drain time the others take all over."""
    if parameters[DRAIN_S] <= 0.0 or removed <= 0.0:
        return
    taken = state[QUEUED_REQUESTS] * (removed / state[READY])
    state[QUEUED_REQUESTS] -= taken
    state[DRAINING_REQUESTS] += taken
    last = math.ceil(parameters[DRAIN_S] / STEP_S) - 1
    state[DRAINING + min(last, DRAINING_STEPS - 1)] += removed
    state[DRAINING_REPLICAS] += removed


@compiled_inline
def drain(state: FloatArray, parameters: FloatArray, sample: FloatArray) -> None:
    """One step of those that drain; adds to the sample's requests and CPU."""
    sample[REPLICAS_DRAINING] = 0.0
    if state[DRAINING_REPLICAS] > 0.0:
        drain_some(state, parameters, sample)


@compiled_inline
def drain_some(state: FloatArray, parameters: FloatArray, sample: FloatArray) -> None:
    """As drain, with at least one that drains."""
    ending = state[DRAINING]
    steps = parameters[DRAIN_S] / STEP_S
    there = state[DRAINING_REPLICAS] - ending * (math.ceil(steps) - steps)
    for slot in range(DRAINING_STEPS - 1):
        state[DRAINING + slot] = state[DRAINING + slot + 1]
    state[DRAINING + DRAINING_STEPS - 1] = 0.0
    state[DRAINING_REPLICAS] -= ending
    had = state[DRAINING_REQUESTS]
    done = min(had, there * STEP_S * capacity_per_s(state, parameters))
    left = had - done
    if state[DRAINING_REPLICAS] <= 0.0:
        sample[FAILED] += left
        left = 0.0
        if sample[ARRIVED] > 0.0:
            sample[EXACT_FAILED_RATIO] = min(sample[FAILED] / sample[ARRIVED], 1.0)
    state[DRAINING_REQUESTS] = left
    sample[SERVED] += done
    sample[QUEUED] += left
    sample[REPLICAS_DRAINING] = there
    used_m = done * parameters[SERVICE_DEMAND_MS] / STEP_S + there * parameters[IDLE_CPU_M]
    sample[EXACT_CPU_USAGE_M] += min(used_m, there * state[CPU_M_NOW])


@compiled_inline
def capacity_per_s(state: FloatArray, parameters: FloatArray) -> float:
    """Requests per second that one replica gets through when it always has some."""
    cpu_m = state[CPU_M_NOW]
    idle_m = min(parameters[IDLE_CPU_M], 0.95 * cpu_m)
    cores = min((cpu_m - idle_m) * 1e-3, parameters[PARALLELISM_CORES])
    demand_s = parameters[SERVICE_DEMAND_MS] * 1e-3
    holding_s = demand_s + parameters[WAIT_MS] * 1e-3
    return float(min(cores / demand_s, parameters[CONCURRENCY_LIMIT] / holding_s))
