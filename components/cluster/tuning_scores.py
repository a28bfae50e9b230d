"""Episodes of many candidates of each workload's autoscaler: what the tuner compares."""

from __future__ import annotations

import numpy as np

from components.cluster.autoscaler_rollout import autoscaler_episode
from components.cluster.compiled import FloatArray, borrowed, compiled
from components.cluster.reward import (
    EPISODE_COUNT,
    INTERVAL_STEPS,
    OOM_KILLS,
    REWARD,
    STEP_HOURS,
    VIOLATION,
)
from components.cluster.sample import SAMPLE_COUNT
from components.cluster.state import STATE_COUNT, initial_one
from components.cluster.vpa import HISTORY_COUNT


@compiled
def score_autoscalers(
    parameters: FloatArray,
    limits: FloatArray,
    rates: FloatArray,
    noise: FloatArray,
    allocations: FloatArray,
    settings: FloatArray,
    histories: FloatArray,
    vertical: int,
    weights: FloatArray,
    intervals: int,
    out: FloatArray,
) -> None:
    """Mean reward, violation and OOM kills an hour, out [B, C, 3], of candidates [B, C, 3]."""
    parameters = borrowed(parameters)
    limits = borrowed(limits)
    rates = borrowed(rates)
    noise = borrowed(noise)
    allocations = borrowed(allocations)
    settings = borrowed(settings)
    histories = borrowed(histories)
    weights = borrowed(weights)
    out = borrowed(out)
    state = np.zeros(STATE_COUNT)
    allocation = np.zeros(3)
    history = np.zeros(HISTORY_COUNT)
    metrics = np.zeros(EPISODE_COUNT)
    no_samples = np.zeros((0, SAMPLE_COUNT))
    no_allocations = np.zeros((0, 3))
    variants = parameters.shape[1]
    hours = intervals * INTERVAL_STEPS * STEP_HOURS
    for row in range(parameters.shape[0]):
        for candidate in range(settings.shape[1]):
            for variant in range(variants):
                allocation[:] = allocations[row, candidate]
                history[:] = histories[row]
                metrics[:] = 0.0
                initial_one(
                    state,
                    parameters[row, variant],
                    allocation[0],
                    allocation[1],
                    allocation[2],
                    rates[row, variant, 0],
                )
                autoscaler_episode(
                    state,
                    parameters[row, variant],
                    limits[row],
                    allocation,
                    settings[row, candidate],
                    history,
                    vertical,
                    rates[row, variant],
                    noise[row, variant],
                    weights,
                    intervals,
                    metrics,
                    no_samples,
                    no_allocations,
                )
                out[row, candidate, 0] += metrics[REWARD] / variants
                out[row, candidate, 1] += metrics[VIOLATION] / variants
                out[row, candidate, 2] += metrics[OOM_KILLS] / (variants * hours)
