"""How metrics show a step: a little late, a little wrong, and only what exporters export."""

from __future__ import annotations

from components.cluster.compiled import FloatArray, compiled_inline
from components.cluster.noise import NOISE_CPU, NOISE_LATENCY, NOISE_MEMORY, NOISE_RATE
from components.cluster.parameters import METRIC_DELAY_S, METRIC_NOISE
from components.cluster.sample import (
    ARRIVED,
    CPU_REQUEST_M,
    CPU_USAGE_M,
    ERROR_RATIO,
    EXACT_CPU_USAGE_M,
    EXACT_FAILED_RATIO,
    EXACT_LATENCY_MS,
    EXACT_MEMORY_BYTES,
    LATENCY_MS,
    LATENCY_P50_MS,
    MEMORY_REQUEST_BYTES,
    MEMORY_WORKING_SET_BYTES,
    OOM_KILLS,
    READY_CPU_USAGE_M,
    REPLICAS_PENDING,
    REPLICAS_READY,
    REPLICAS_WANTED,
    REQUEST_RATE_PER_S,
    RESTARTS,
    STEP_S,
)
from components.cluster.state import (
    CPU_M_NOW,
    HAS_PREVIOUS,
    MEMORY_BYTES_NOW,
    PENDING,
    PREVIOUS_CPU,
    PREVIOUS_ERROR,
    PREVIOUS_LATENCY,
    PREVIOUS_LATENCY_P50,
    PREVIOUS_MEMORY,
    PREVIOUS_RATE,
    READY,
    STARTING,
    STARTING_STEPS,
)


@compiled_inline
def shown(state: FloatArray, slot: int, now: float, late: float, error: float) -> float:
    """A metric's value: a blend with the step before, times its error; remembers `now`."""
    value = now if state[HAS_PREVIOUS] == 0.0 else now + late * (state[slot] - now)
    state[slot] = now
    return value * max(1.0 + error, 0.2)


@compiled_inline
def measure(
    state: FloatArray,
    parameters: FloatArray,
    noise: FloatArray,
    kills: float,
    restarts: float,
    sample: FloatArray,
) -> None:
    """Fill the sample's measured fields from its exact ones and the state after the step."""
    late = parameters[METRIC_DELAY_S] / STEP_S
    scale = parameters[METRIC_NOISE]
    rate = sample[ARRIVED] / STEP_S
    sample[REQUEST_RATE_PER_S] = shown(state, PREVIOUS_RATE, rate, late, scale * noise[NOISE_RATE])
    sample[ERROR_RATIO] = min(
        shown(state, PREVIOUS_ERROR, sample[EXACT_FAILED_RATIO], late, 0.0), 1.0
    )
    latency_error = scale * noise[NOISE_LATENCY]
    sample[LATENCY_MS] = shown(
        state, PREVIOUS_LATENCY, sample[EXACT_LATENCY_MS], late, latency_error
    )
    sample[LATENCY_P50_MS] = shown(
        state, PREVIOUS_LATENCY_P50, sample[LATENCY_P50_MS], late, latency_error
    )
    exact_cpu = sample[EXACT_CPU_USAGE_M]
    sample[CPU_USAGE_M] = shown(state, PREVIOUS_CPU, exact_cpu, late, scale * noise[NOISE_CPU])
    if exact_cpu > 0.0:
        sample[READY_CPU_USAGE_M] *= sample[CPU_USAGE_M] / exact_cpu
    # A working set fluctuates less than a rate.
    memory = shown(
        state, PREVIOUS_MEMORY, sample[EXACT_MEMORY_BYTES], late, 0.2 * scale * noise[NOISE_MEMORY]
    )
    sample[MEMORY_WORKING_SET_BYTES] = min(memory, state[MEMORY_BYTES_NOW])
    starting = 0.0
    for slot in range(STARTING_STEPS):
        starting += state[STARTING + slot]
    sample[REPLICAS_WANTED] = state[READY] + starting + state[PENDING]
    sample[REPLICAS_PENDING] = state[PENDING]
    sample[REPLICAS_READY] = state[READY]
    sample[CPU_REQUEST_M] = state[CPU_M_NOW]
    sample[MEMORY_REQUEST_BYTES] = state[MEMORY_BYTES_NOW]
    sample[OOM_KILLS] = kills
    sample[RESTARTS] = restarts
    state[HAS_PREVIOUS] = 1.0
