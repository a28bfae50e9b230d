"""What happens to the requests of one step, and to the memory that they need."""

from __future__ import annotations

import math

from components.cluster.allocating import startup_steps
from components.cluster.compiled import FloatArray, compiled_inline
from components.cluster.distributions import (
    gamma_quantile,
    gamma_tail,
    normal_quantile,
    sum_of_gammas,
)
from components.cluster.limits import SLO_PERCENTILE
from components.cluster.memory import follow_memory
from components.cluster.parameters import (
    ARRIVAL_VARIABILITY,
    CONCURRENCY_LIMIT,
    DEMAND_VARIABILITY,
    IDLE_CPU_M,
    PARALLELISM_CORES,
    SERVICE_DEMAND_MS,
    STALL_MS,
    STALL_SHARE,
    STARTUP_CPU_M,
    TAIL_FACTOR,
    TIMEOUT_MS,
    WAIT_MS,
    WAIT_VARIABILITY,
)
from components.cluster.queueing import stalls, station
from components.cluster.sample import (
    ARRIVED,
    CONCURRENCY,
    CPU_THROTTLED_RATIO,
    EXACT_CPU_USAGE_M,
    EXACT_FAILED_RATIO,
    EXACT_LATENCY_MS,
    FAILED,
    LATENCY_P50_MS,
    QUEUED,
    READY_CPU_USAGE_M,
    SERVED,
    STEP_S,
)
from components.cluster.state import (
    CPU_M_NOW,
    QUEUED_REQUESTS,
    READY,
    STARTING,
    STARTING_STEPS,
)

_FAR_TAIL = 3.09


@compiled_inline
def capacity_replicas(state: FloatArray, parameters: FloatArray) -> float:
    """Ready replicas, counting one that becomes ready during the step by its share of the step."""
    if state[STARTING] <= 0.0:
        return float(state[READY])
    steps = startup_steps(parameters, state[CPU_M_NOW])
    return float(state[READY] + state[STARTING] * (1.0 - (steps - math.floor(steps))))


@compiled_inline
def fail_all(state: FloatArray, parameters: FloatArray, arrived: float, sample: FloatArray) -> None:
    """No replica serves: what arrives and what waited fails at once, as a 503 does."""
    sample[ARRIVED] = arrived
    sample[SERVED] = 0.0
    sample[FAILED] = arrived + state[QUEUED_REQUESTS]
    sample[QUEUED] = 0.0
    sample[CONCURRENCY] = 0.0
    sample[EXACT_LATENCY_MS] = parameters[TIMEOUT_MS]
    sample[LATENCY_P50_MS] = parameters[TIMEOUT_MS]
    sample[CPU_THROTTLED_RATIO] = 0.0
    sample[READY_CPU_USAGE_M] = 0.0
    state[QUEUED_REQUESTS] = 0.0


@compiled_inline
def serve(
    state: FloatArray,
    parameters: FloatArray,
    limits: FloatArray,
    arrived: float,
    sample: FloatArray,
) -> None:
    """Serve, queue or fail the step's requests; sets the sample's exact fields.

    The steady state's waiting comes from queueing.station; work beyond the capacity queues as a
    fluid, and what would wait for longer than the timeout fails.
    """
    pods = capacity_replicas(state, parameters)
    if pods < 1e-6:
        fail_all(state, parameters, arrived, sample)
    else:
        serve_ready(state, parameters, limits, arrived, pods, sample)
    # The part of the step in which a replica serves already isn't its start-up's.
    starting = state[READY] - pods
    for slot in range(STARTING_STEPS):
        starting += state[STARTING + slot]
    cpu_m = state[CPU_M_NOW]
    sample[EXACT_CPU_USAGE_M] = sample[READY_CPU_USAGE_M] + starting * min(
        parameters[STARTUP_CPU_M], cpu_m
    )
    total = sample[ARRIVED]
    sample[EXACT_FAILED_RATIO] = min(sample[FAILED] / total, 1.0) if total > 0.0 else 0.0
    follow_memory(state, parameters, sample[CONCURRENCY] / max(pods, 1.0))


@compiled_inline
def serve_ready(
    state: FloatArray,
    parameters: FloatArray,
    limits: FloatArray,
    arrived: float,
    pods: float,
    sample: FloatArray,
) -> None:
    """Serve with at least a part of a replica ready."""
    cpu_m = state[CPU_M_NOW]
    demand_s = parameters[SERVICE_DEMAND_MS] * 1e-3
    wait_s = parameters[WAIT_MS] * 1e-3
    timeout_s = parameters[TIMEOUT_MS] * 1e-3
    queued = state[QUEUED_REQUESTS]
    idle_m = min(parameters[IDLE_CPU_M], 0.95 * cpu_m)
    mean_s, variance, throttled, capacity = station(
        (queued + arrived) / (STEP_S * pods),
        (cpu_m - idle_m) * 1e-3,
        demand_s,
        parameters[DEMAND_VARIABILITY],
        wait_s,
        parameters[PARALLELISM_CORES],
        parameters[CONCURRENCY_LIMIT],
        parameters[ARRIVAL_VARIABILITY],
    )
    work_variance = parameters[DEMAND_VARIABILITY] * demand_s * demand_s
    if parameters[STALL_SHARE] > 0.0:
        stall_s, spread = stalls(demand_s, parameters[STALL_SHARE], parameters[STALL_MS] * 1e-3)
        mean_s += stall_s
        variance += spread
        capacity *= 1.0 - parameters[STALL_SHARE]
    capacity_per_s = capacity * pods
    worked = min(queued + arrived, capacity_per_s * STEP_S)
    left = queued + arrived - worked
    kept = min(left, capacity_per_s * timeout_s)
    backlog_s = 0.5 * (queued + kept) / capacity_per_s
    worst_backlog_s = max(queued, kept) / capacity_per_s
    busy = worked / STEP_S * min(wait_s + backlog_s + mean_s, timeout_s)
    # Rare long stalls lower a gamma's median; the work itself remains.
    work_s = gamma_quantile(demand_s, work_variance, 0.0)
    if parameters[WAIT_VARIABILITY] > 0.0:
        spread = parameters[WAIT_VARIABILITY] * wait_s * wait_s
        least_s, work_s, work_variance = sum_of_gammas(demand_s, work_variance, wait_s, spread)
        work_s = least_s + gamma_quantile(work_s, work_variance, 0.0)
        wait_s, mean_s, variance = sum_of_gammas(mean_s, variance, wait_s, spread)
        work_s -= wait_s
    late = 0.0
    far_s = wait_s + worst_backlog_s + gamma_quantile(mean_s, variance, _FAR_TAIL)
    if far_s > timeout_s:
        late = gamma_tail(mean_s, variance, timeout_s - wait_s - backlog_s)
    served = worked * (1.0 - late)
    z = normal_quantile(limits[SLO_PERCENTILE])
    tail_s = parameters[TAIL_FACTOR] * gamma_quantile(mean_s, variance, z)
    slow_s = wait_s + worst_backlog_s + tail_s
    median_s = wait_s + backlog_s + max(gamma_quantile(mean_s, variance, 0.0), work_s)
    sample[ARRIVED] = arrived
    sample[SERVED] = served
    sample[FAILED] = worked - served + left - kept
    sample[QUEUED] = kept
    sample[CONCURRENCY] = min(busy, pods * parameters[CONCURRENCY_LIMIT])
    sample[EXACT_LATENCY_MS] = min(slow_s * 1e3, parameters[TIMEOUT_MS])
    sample[LATENCY_P50_MS] = min(median_s * 1e3, parameters[TIMEOUT_MS])
    sample[CPU_THROTTLED_RATIO] = throttled
    sample[READY_CPU_USAGE_M] = min(worked * demand_s / STEP_S * 1e3 + pods * idle_m, pods * cpu_m)
    state[QUEUED_REQUESTS] = kept
