"""Compiled episodes under HPA or its like, alone or with VPA: what rollout.py's rollouts run."""

from __future__ import annotations

import numpy as np

from components.cluster import limits as lim
from components.cluster import sample as smp
from components.cluster.compiled import FloatArray, borrowed, compiled
from components.cluster.horizontal import (
    HORIZONTAL_MEMORY_COUNT,
    horizontal_one,
    reset_horizontal,
)
from components.cluster.reward import (
    INTERVAL_STEPS,
    REWARD_MEMORY_COUNT,
    finish_totals,
    reward_one,
)
from components.cluster.sample import SAMPLE_COUNT
from components.cluster.simulator import advance_one
from components.cluster.vpa import HISTORY_COUNT, add_usage, vpa_one

# What the vertical part owns.
VERTICAL_NONE = 0
VERTICAL_MEMORY = 1
VERTICAL_CPU_AND_MEMORY = 2

# A settings row: the replicas' target, the VPA's margin and its minimum of memory, and which rule
# of components.cluster.horizontal sets the replicas.
TARGET = 0
MARGIN = 1
MINIMUM_BYTES = 2
HORIZONTAL = 3
SETTINGS_COUNT = 4


@compiled
def autoscaler_interval(
    state: FloatArray,
    parameters: FloatArray,
    limits: FloatArray,
    allocation: FloatArray,
    settings: FloatArray,
    horizontal: FloatArray,
    history: FloatArray,
    vertical: int,
    rates: FloatArray,
    noise: FloatArray,
    samples: FloatArray,
    allocations: FloatArray,
) -> None:
    """Four steps, each with a sync of the replicas' rule; then VPA's minute. Overwrites allocation.

    allocations [4, 3] is filled with what was wanted during each step.
    """
    state = borrowed(state)
    parameters = borrowed(parameters)
    limits = borrowed(limits)
    allocation = borrowed(allocation)
    settings = borrowed(settings)
    horizontal = borrowed(horizontal)
    rule = int(settings[HORIZONTAL])
    history = borrowed(history)
    rates = borrowed(rates)
    noise = borrowed(noise)
    samples = borrowed(samples)
    allocations = borrowed(allocations)
    kills = 0.0
    for index in range(INTERVAL_STEPS):
        allocations[index] = allocation
        advance_one(
            state,
            parameters,
            limits,
            allocation[lim.REPLICAS],
            allocation[lim.CPU_M],
            allocation[lim.MEMORY_BYTES],
            rates[index],
            noise[index],
            samples[index],
        )
        row = samples[index]
        kills += row[smp.OOM_KILLS]
        if vertical != VERTICAL_NONE:
            add_usage(
                history,
                row[smp.READY_CPU_USAGE_M] / max(row[smp.REPLICAS_READY], 1.0),
                row[smp.MEMORY_WORKING_SET_BYTES],
                row[smp.MEMORY_REQUEST_BYTES],
                row[smp.OOM_KILLS],
            )
        allocation[lim.REPLICAS] = horizontal_one(
            rule, horizontal, limits, row, allocation[lim.REPLICAS], settings[TARGET]
        )
    if vertical != VERTICAL_NONE:
        vpa_one(
            history,
            settings[MARGIN],
            settings[MINIMUM_BYTES],
            limits[lim.CPU_MIN_M],
            limits[lim.CPU_MAX_M],
            limits[lim.MEMORY_MIN_BYTES],
            limits[lim.MEMORY_MAX_BYTES],
            kills,
            vertical == VERTICAL_CPU_AND_MEMORY,
            allocation,
        )


@compiled
def autoscaler_episode(
    state: FloatArray,
    parameters: FloatArray,
    limits: FloatArray,
    allocation: FloatArray,
    settings: FloatArray,
    history: FloatArray,
    vertical: int,
    rates: FloatArray,
    noise: FloatArray,
    weights: FloatArray,
    intervals: int,
    metrics: FloatArray,
    kept_samples: FloatArray,
    kept_allocations: FloatArray,
) -> None:
    """One workload's episode; state, allocation and history are used up, metrics [E] filled.

    The course is kept where kept_samples [T, M] has rows.
    """
    state = borrowed(state)
    parameters = borrowed(parameters)
    limits = borrowed(limits)
    allocation = borrowed(allocation)
    settings = borrowed(settings)
    history = borrowed(history)
    rates = borrowed(rates)
    noise = borrowed(noise)
    weights = borrowed(weights)
    metrics = borrowed(metrics)
    kept_samples = borrowed(kept_samples)
    kept_allocations = borrowed(kept_allocations)
    samples = np.zeros((INTERVAL_STEPS, SAMPLE_COUNT))
    allocations = np.zeros((INTERVAL_STEPS, 3))
    memory = np.zeros(REWARD_MEMORY_COUNT)
    horizontal = np.zeros(HORIZONTAL_MEMORY_COUNT)
    before = np.empty(3)
    reset_horizontal(int(settings[HORIZONTAL]), horizontal, allocation[lim.REPLICAS])
    for index in range(intervals):
        start = index * INTERVAL_STEPS
        before[:] = allocation
        autoscaler_interval(
            state,
            parameters,
            limits,
            allocation,
            settings,
            horizontal,
            history,
            vertical,
            rates[start : start + INTERVAL_STEPS],
            noise[start : start + INTERVAL_STEPS],
            samples,
            allocations,
        )
        reward_one(samples, limits, before, allocation, memory, weights, metrics)
        if kept_samples.shape[0] > 0:
            kept_samples[start : start + INTERVAL_STEPS] = samples
            kept_allocations[start : start + INTERVAL_STEPS] = allocations
    finish_totals(metrics, intervals, intervals * INTERVAL_STEPS)


@compiled
def autoscaler_rows(
    state: FloatArray,
    parameters: FloatArray,
    limits: FloatArray,
    allocation: FloatArray,
    settings: FloatArray,
    history: FloatArray,
    vertical: int,
    rates: FloatArray,
    noise: FloatArray,
    weights: FloatArray,
    intervals: int,
    metrics: FloatArray,
    kept_samples: FloatArray,
    kept_allocations: FloatArray,
) -> None:
    """autoscaler_episode for each row; kept_* have a row for each or have none [0, T, ...]."""
    state = borrowed(state)
    parameters = borrowed(parameters)
    limits = borrowed(limits)
    allocation = borrowed(allocation)
    settings = borrowed(settings)
    history = borrowed(history)
    rates = borrowed(rates)
    noise = borrowed(noise)
    weights = borrowed(weights)
    metrics = borrowed(metrics)
    kept_samples = borrowed(kept_samples)
    kept_allocations = borrowed(kept_allocations)
    nothing = np.zeros((0, SAMPLE_COUNT))
    no_allocations = np.zeros((0, 3))
    own_history = np.zeros(HISTORY_COUNT)
    keep = kept_samples.shape[0] > 0
    for row in range(state.shape[0]):
        own_history[:] = history[row]
        autoscaler_episode(
            state[row],
            parameters[row],
            limits[row],
            allocation[row],
            settings[row],
            own_history,
            vertical,
            rates[row],
            noise[row],
            weights,
            intervals,
            metrics[row],
            kept_samples[row] if keep else nothing,
            kept_allocations[row] if keep else no_allocations,
        )
