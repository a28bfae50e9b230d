"""What happens to the requests of one step, and to the memory that they need."""

from __future__ import annotations

import math

from components.cluster.allocating import add_starting, startup_steps
from components.cluster.compiled import FloatArray, compiled_inline
from components.cluster.limits import SLO_PERCENTILE
from components.cluster.parameters import (
    CONCURRENCY_LIMIT,
    DEMAND_VARIABILITY,
    IDLE_CPU_M,
    MEMORY_BASE_BYTES,
    MEMORY_PER_REQUEST_BYTES,
    MEMORY_RELEASE_PER_STEP,
    OOM_RESTART_S,
    PARALLELISM_CORES,
    SERVICE_DEMAND_MS,
    STARTUP_CPU_M,
    TAIL_FACTOR,
    TIMEOUT_MS,
    WAIT_MS,
)
from components.cluster.queueing import gamma_quantile, gamma_tail, normal_quantile, station
from components.cluster.sample import (
    ARRIVED,
    CONCURRENCY,
    CPU_THROTTLED_RATIO,
    EXACT_CPU_USAGE_M,
    EXACT_FAILED_RATIO,
    EXACT_LATENCY_MS,
    EXACT_MEMORY_BYTES,
    FAILED,
    LATENCY_P50_MS,
    QUEUED,
    READY_CPU_USAGE_M,
    SERVED,
    STEP_S,
)
from components.cluster.state import (
    CPU_M_NOW,
    MEMORY_BYTES_NOW,
    MEMORY_LEVEL_BYTES,
    QUEUED_REQUESTS,
    READY,
    RESTART_BACKOFF_S,
    STARTING,
    STARTING_STEPS,
)

MAX_BACKOFF_S = 300.0
# A back-off halves in about five minutes without a kill.
BACKOFF_DECAY = 0.966
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
    )
    capacity_per_s = capacity * pods
    worked = min(queued + arrived, capacity_per_s * STEP_S)
    left = queued + arrived - worked
    kept = min(left, capacity_per_s * timeout_s)
    backlog_s = 0.5 * (queued + kept) / capacity_per_s
    worst_backlog_s = max(queued, kept) / capacity_per_s
    late = 0.0
    far_s = wait_s + worst_backlog_s + gamma_quantile(mean_s, variance, _FAR_TAIL)
    if far_s > timeout_s:
        late = gamma_tail(mean_s, variance, timeout_s - wait_s - backlog_s)
    served = worked * (1.0 - late)
    z = normal_quantile(limits[SLO_PERCENTILE])
    tail_s = parameters[TAIL_FACTOR] * gamma_quantile(mean_s, variance, z)
    slow_s = wait_s + worst_backlog_s + tail_s
    # Rare long stalls lower a gamma's median; the work itself remains.
    work_s = gamma_quantile(demand_s, parameters[DEMAND_VARIABILITY] * demand_s * demand_s, 0.0)
    median_s = wait_s + backlog_s + max(gamma_quantile(mean_s, variance, 0.0), work_s)
    busy = worked / STEP_S * min(wait_s + backlog_s + mean_s, timeout_s)
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


@compiled_inline
def follow_memory(state: FloatArray, parameters: FloatArray, concurrency: float) -> None:
    """Memory of a replica rises at once with its concurrent requests and is released slowly."""
    needed = parameters[MEMORY_BASE_BYTES] + parameters[MEMORY_PER_REQUEST_BYTES] * concurrency
    level = state[MEMORY_LEVEL_BYTES]
    kept = level - parameters[MEMORY_RELEASE_PER_STEP] * (level - needed)
    state[MEMORY_LEVEL_BYTES] = max(needed, kept)


@compiled_inline
def kill_over_limit(state: FloatArray, parameters: FloatArray, sample: FloatArray) -> float:
    """OOM-kill replicas over their memory limit; returns how many.

    The further above the limit, the more of them; their requests are lost, and they come back
    after a back-off that doubles (Kubernetes: up to five minutes) and the start-up.
    """
    level = state[MEMORY_LEVEL_BYTES]
    limit = state[MEMORY_BYTES_NOW]
    ready = float(state[READY])
    sample[EXACT_MEMORY_BYTES] = min(level, limit)
    if level < limit or ready <= 0.0:
        state[RESTART_BACKOFF_S] = max(
            parameters[OOM_RESTART_S], BACKOFF_DECAY * state[RESTART_BACKOFF_S]
        )
        return 0.0
    share = min(1.0, 0.1 + 4.0 * (level / limit - 1.0))
    kills = float(min(max(math.ceil(share * ready), 1.0), ready))
    lost = min(sample[CONCURRENCY] * kills / ready, sample[SERVED])
    sample[SERVED] -= lost
    sample[FAILED] += lost
    if sample[ARRIVED] > 0.0:
        sample[EXACT_FAILED_RATIO] = min(sample[FAILED] / sample[ARRIVED], 1.0)
    state[READY] -= kills
    back = state[RESTART_BACKOFF_S] / STEP_S + startup_steps(parameters, state[CPU_M_NOW])
    # The killed replica serves no more in this step, so it can't be ready within it.
    add_starting(state, kills, max(back, 1.0))
    state[RESTART_BACKOFF_S] = min(2.0 * state[RESTART_BACKOFF_S], MAX_BACKOFF_S)
    base = parameters[MEMORY_BASE_BYTES]
    left = 1.0 - kills / ready
    state[MEMORY_LEVEL_BYTES] = min(base + (min(level, limit) - base) * left, level)
    return kills
