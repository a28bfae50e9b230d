"""The Vertical Pod Autoscaler's recommender, as its code computes it.

Source: kubernetes/autoscaler, vertical-pod-autoscaler/pkg/recommender (util/histogram.go,
model/aggregate_container_state.go, model/container.go, logic/recommender.go, logic/estimator.go)
and pkg/updater/priority. One container; samples every 15 s are taken as its metrics.
"""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

from components.cluster.compiled import FloatArray, compiled
from components.workload.telemetry import STEP_S

GROWTH = 1.05
MEMORY_FIRST_BUCKET_BYTES = 1e7
CPU_FIRST_BUCKET_M = 10.0
BUCKETS = 176
DAY_S = 86400.0
HALF_LIFE_S = DAY_S
CPU_SAMPLE_WEIGHT = 0.1
DEFAULT_MARGIN = 0.15
MINIMUM_MEMORY_BYTES = 250.0 * 1024.0**2
MINIMUM_CPU_M = 25.0
OOM_BUMP_BYTES = 100.0 * 1024.0**2
OOM_BUMP_RATIO = 1.2
UPDATE_AGE_S = 12.0 * 3600.0
UPDATE_DIFFERENCE = 0.1
QUICK_OOM_S = 600.0
TARGET_PERCENTILE = 0.9
LOWER_PERCENTILE = 0.5
UPPER_PERCENTILE = 0.95

# A history row: header, memory buckets, CPU buckets.
TIME_S = 0
WINDOW_START_S = 1
WINDOW_PEAK_BYTES = 2
SAMPLES = 3
AGE_S = 4
MEMORY_BUCKETS = 5
CPU_BUCKETS = MEMORY_BUCKETS + BUCKETS
HISTORY_COUNT = CPU_BUCKETS + BUCKETS


@compiled
def bucket_start(bucket: int, first: float) -> float:
    """Where a bucket starts: first * (1.05^bucket - 1) / 0.05."""
    return first * (GROWTH**bucket - 1.0) / (GROWTH - 1.0)


@compiled
def bucket_of(value: float, first: float) -> int:
    """The bucket of a value; the last one holds all that is larger."""
    if value < first:
        return 0
    bucket = math.floor(math.log(value * (GROWTH - 1.0) / first + 1.0) / math.log(GROWTH))
    # A value at a bucket's very start may land one below by a rounding of the logarithm.
    if bucket_start(bucket + 1, first) <= value:
        bucket += 1
    return min(bucket, BUCKETS - 1)


@compiled
def percentile(weights: FloatArray, share: float, first: float) -> float:
    """The end of the bucket in which the weights' share is reached; 0 without any weight."""
    total = weights.sum()
    if total <= 0.0:
        return 0.0
    partial = 0.0
    for bucket in range(BUCKETS):
        partial += weights[bucket]
        if partial >= share * total:
            return bucket_start(bucket if bucket == BUCKETS - 1 else bucket + 1, first)
    return bucket_start(BUCKETS - 1, first)


@compiled
def decay_weight(time_s: float) -> float:
    """Weight of a sample at a time: doubles every 24 h, so that old ones fade."""
    return float(2.0 ** (time_s / HALF_LIFE_S))


@compiled
def add_memory(history: FloatArray, value: float) -> None:
    """Note a memory peak: one per 24 h counts, a higher one replaces the window's lower one."""
    if history[TIME_S] >= history[WINDOW_START_S] + DAY_S:
        windows = math.floor((history[TIME_S] - history[WINDOW_START_S]) / DAY_S)
        history[WINDOW_START_S] += windows * DAY_S
        history[WINDOW_PEAK_BYTES] = 0.0
    if value <= history[WINDOW_PEAK_BYTES]:
        return
    # The weight is that of the window's end, so that a replaced peak leaves nothing behind.
    weight = decay_weight(history[WINDOW_START_S] + DAY_S)
    if history[WINDOW_PEAK_BYTES] > 0.0:
        replaced = bucket_of(history[WINDOW_PEAK_BYTES], MEMORY_FIRST_BUCKET_BYTES)
        history[MEMORY_BUCKETS + replaced] -= weight
    history[WINDOW_PEAK_BYTES] = value
    history[MEMORY_BUCKETS + bucket_of(value, MEMORY_FIRST_BUCKET_BYTES)] += weight


@compiled
def add_usage(
    history: FloatArray, cpu_m: float, memory_bytes: float, request_bytes: float, kills: float
) -> None:
    """Note one replica's usage during 15 s, and the memory that an OOM kill shows to be lacking."""
    history[TIME_S] += STEP_S
    history[AGE_S] += STEP_S
    history[SAMPLES] += STEP_S / 60.0
    bucket = bucket_of(cpu_m, CPU_FIRST_BUCKET_M)
    history[CPU_BUCKETS + bucket] += CPU_SAMPLE_WEIGHT * decay_weight(history[TIME_S])
    add_memory(history, memory_bytes)
    if kills > 0.0:
        add_kill(history, max(request_bytes, memory_bytes))


@compiled
def add_kill(history: FloatArray, used_bytes: float) -> None:
    """Note that so much memory was too little."""
    add_memory(history, max(used_bytes + OOM_BUMP_BYTES, used_bytes * OOM_BUMP_RATIO))


@compiled
def confidence(history: FloatArray) -> float:
    """Days of history, by the clock and by the number of samples, whichever is less."""
    return float(min(history[TIME_S] / DAY_S, history[SAMPLES] / 1440.0))


@compiled
def estimate(
    weights: FloatArray, first: float, days: float, margin: float, floor: float
) -> tuple[float, float, float]:
    """(lower bound, target, upper bound), each with its safety margin and floor."""
    scale = 1.0 + margin
    target = percentile(weights, TARGET_PERCENTILE, first) * scale
    lower = percentile(weights, LOWER_PERCENTILE, first) * scale
    upper = percentile(weights, UPPER_PERCENTILE, first) * scale
    lower *= (1.0 + 0.001 / max(days, 1e-9)) ** -2.0
    upper *= 1.0 + 1.0 / max(days, 1e-9)
    return max(lower, floor), max(target, floor), max(upper, floor)


@compiled
def update_wanted(
    history: FloatArray, request: float, lower: float, target: float, upper: float, kills: float
) -> bool:
    """Whether the updater would apply the target to a running replica."""
    different = abs(request - target) / request >= UPDATE_DIFFERENCE
    quick_oom = kills > 0.0 and history[AGE_S] < QUICK_OOM_S
    old = history[AGE_S] >= UPDATE_AGE_S and different
    return request < lower or request > upper or (quick_oom and request != target) or old


@compiled
def vpa_one(
    history: FloatArray,
    margin: float,
    minimum_bytes: float,
    low_m: float,
    high_m: float,
    low_bytes: float,
    high_bytes: float,
    kills: float,
    with_cpu: bool,
    allocation: FloatArray,
) -> bool:
    """One minute's recommendation, applied to allocation [3] as the updater would.

    Returns whether a size changed; low and high are minAllowed and maxAllowed.
    """
    days = confidence(history)
    lower, target, upper = estimate(
        history[MEMORY_BUCKETS:CPU_BUCKETS],
        MEMORY_FIRST_BUCKET_BYTES,
        days,
        margin,
        minimum_bytes,
    )
    memory = min(max(target, low_bytes), high_bytes)
    lower = min(max(lower, low_bytes), high_bytes)
    upper = min(max(upper, low_bytes), high_bytes)
    wanted = update_wanted(history, allocation[2], lower, memory, upper, kills)
    cpu = float(allocation[1])
    if with_cpu:
        lower, target, upper = estimate(
            history[CPU_BUCKETS:HISTORY_COUNT], CPU_FIRST_BUCKET_M, days, margin, MINIMUM_CPU_M
        )
        cpu = float(np.round(min(max(target, low_m), high_m)))
        lower = min(max(lower, low_m), high_m)
        upper = min(max(upper, low_m), high_m)
        wanted = update_wanted(history, allocation[1], lower, cpu, upper, 0.0) or wanted
    changed = wanted and (cpu != allocation[1] or memory != allocation[2])
    if changed:
        allocation[1] = cpu
        allocation[2] = np.round(memory)
        history[AGE_S] = 0.0
    return changed


def empty_history() -> FloatArray:
    """A history [H] of a container that was never seen, old enough to be updated at once."""
    history = np.zeros(HISTORY_COUNT)
    history[AGE_S] = UPDATE_AGE_S
    return history


@compiled
def note_usage(
    history: FloatArray,
    cpu_m: FloatArray,
    memory_bytes: FloatArray,
    request_bytes: FloatArray,
    kills: FloatArray,
) -> None:
    """add_usage for each step of a series [T]; NaN steps pass without a sample."""
    for step in range(len(cpu_m)):
        if np.isnan(cpu_m[step]) or np.isnan(memory_bytes[step]):
            history[TIME_S] += STEP_S
            history[AGE_S] += STEP_S
        else:
            add_usage(history, cpu_m[step], memory_bytes[step], request_bytes[step], kills[step])


def memory_history_of(frame: pd.DataFrame) -> FloatArray:
    """The recommender's history [H] after it has watched a telemetry frame."""
    history = empty_history()
    ready = frame["replicas_ready"].to_numpy(dtype=np.float64)
    with np.errstate(invalid="ignore", divide="ignore"):
        per_replica = frame["cpu_usage_m"].to_numpy(dtype=np.float64) / np.where(
            ready > 0.0, ready, np.nan
        )
    note_usage(
        history,
        per_replica,
        frame["memory_working_set_bytes"].to_numpy(dtype=np.float64).copy(),
        frame["memory_request_bytes"].fillna(0.0).to_numpy(dtype=np.float64).copy(),
        frame["oom_kills"].fillna(0.0).to_numpy(dtype=np.float64).copy(),
    )
    history[AGE_S] = max(history[AGE_S], UPDATE_AGE_S)
    return history
