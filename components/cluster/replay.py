"""Telemetry replayed through the simulator: same load, same allocation, what should be seen.

The replicas, sizes and arrivals of every step are the measured ones; queue and memory are the
simulator's own. What is left between this and what was measured is the model's error.
"""

from __future__ import annotations

import numpy as np

from components.cluster import sample as smp
from components.cluster.compiled import FloatArray, borrowed, compiled, contiguous
from components.cluster.parameters import MEMORY_BASE_BYTES
from components.cluster.serving import serve
from components.cluster.state import (
    CPU_M_NOW,
    GROWN_BYTES,
    MEMORY_BYTES_NOW,
    MEMORY_LEVEL_BYTES,
    READY,
    STATE_COUNT,
)

REPLAY_CPU_M = 0
REPLAY_MEMORY_BYTES = 1
REPLAY_LATENCY_P50_MS = 2
REPLAY_LATENCY_MS = 3
REPLAY_THROUGHPUT_PER_S = 4
REPLAY_COUNT = 5


@compiled
def replay_rows(
    parameters: FloatArray, limits: FloatArray, samples: FloatArray, predicted: FloatArray
) -> None:
    """Fill predicted [T, REPLAY_COUNT] for one service; samples [T, M] are the measured ones."""
    parameters = borrowed(parameters)
    limits = borrowed(limits)
    samples = borrowed(samples)
    predicted = borrowed(predicted)
    state = np.zeros(STATE_COUNT)
    shown = np.zeros(smp.SAMPLE_COUNT)
    state[MEMORY_LEVEL_BYTES] = max(
        samples[0, smp.MEMORY_WORKING_SET_BYTES], parameters[MEMORY_BASE_BYTES]
    )
    for step in range(samples.shape[0]):
        row = samples[step]
        if row[smp.RESTARTS] > 0.0:
            state[MEMORY_LEVEL_BYTES] = parameters[MEMORY_BASE_BYTES]
            state[GROWN_BYTES] = 0.0
        state[READY] = row[smp.REPLICAS_READY]
        state[CPU_M_NOW] = max(row[smp.CPU_REQUEST_M], 1.0)
        state[MEMORY_BYTES_NOW] = row[smp.MEMORY_REQUEST_BYTES]
        serve(state, parameters, limits, row[smp.REQUEST_RATE_PER_S] * smp.STEP_S, shown)
        predicted[step, REPLAY_CPU_M] = shown[smp.EXACT_CPU_USAGE_M]
        predicted[step, REPLAY_MEMORY_BYTES] = min(
            state[MEMORY_LEVEL_BYTES] + state[GROWN_BYTES], state[MEMORY_BYTES_NOW]
        )
        predicted[step, REPLAY_LATENCY_P50_MS] = shown[smp.LATENCY_P50_MS]
        predicted[step, REPLAY_LATENCY_MS] = shown[smp.EXACT_LATENCY_MS]
        predicted[step, REPLAY_THROUGHPUT_PER_S] = shown[smp.SERVED] / smp.STEP_S


def replay(parameters: FloatArray, limits: FloatArray, samples: FloatArray) -> FloatArray:
    """What a service of these parameters [P] would show in each step: [T, REPLAY_COUNT].

    limits [L] gives the latency percentile; samples [T, M] come from telemetry_samples.
    """
    predicted = np.zeros((len(samples), REPLAY_COUNT))
    replay_rows(contiguous(parameters), contiguous(limits), contiguous(samples), predicted)
    return predicted
