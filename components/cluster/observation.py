"""What a policy sees of one interval: 32 numbers of about [-3, 3], in the workload's own scale."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

from components.cluster import limits as lim
from components.cluster import sample as smp
from components.cluster.compiled import FloatArray, borrowed, compiled, contiguous
from components.cluster.distributions import normal_quantile
from components.cluster.limits import limits_of
from components.cluster.reward import INTERVAL_STEPS
from components.cluster.telemetry_samples import telemetry_samples
from components.workload.spec import Workload

OBSERVATION_FIELDS: tuple[str, ...] = (
    "cpu_utilisation",
    "cpu_utilisation_peak",
    "memory_utilisation",
    "memory_utilisation_peak",
    "throttled_ratio",
    "rate_change",
    "rate_trend",
    "rate_variability",
    "latency_slack",
    "slo_preservation",
    "latency_p50_share",
    "error_ratio",
    "ready_share",
    "replicas_position",
    "cpu_position",
    "memory_position",
    "cpu_needed",
    "memory_needed",
    "service_demand",
    "slo_scale",
    "slo_percentile",
    "concurrency",
    "replicas_scale",
    "cpu_scale",
    "oom_killed",
    "restarted",
    "previous_replicas_change",
    "previous_cpu_change",
    "previous_memory_change",
    "pending",
    "missing",
    "known_past",
)
OBSERVATION_COUNT = len(OBSERVATION_FIELDS)

# What is remembered between intervals: smoothed rate, allocation, whether there was a past.
MEMORY_RATE = 0
MEMORY_ALLOCATION = 1
MEMORY_KNOWN = 4
OBSERVATION_MEMORY_COUNT = 5
_RATE_WEIGHT = 0.1


@compiled
def bounded(value: float, most: float) -> float:
    """The value within [-most, most]."""
    return min(max(value, -most), most)


@compiled
def log_position(value: float, low: float, high: float) -> float:
    """Where value lies between its bounds by logarithm: -1 at low, 1 at high; 0 without a range."""
    if high <= low * 1.000001 or value <= 0.0 or low <= 0.0:
        return 0.0
    return bounded(2.0 * math.log(value / low) / math.log(high / low) - 1.0, 3.0)


@compiled
def observe_one(
    samples: FloatArray, memory: FloatArray, limits: FloatArray, missing: float, out: FloatArray
) -> None:
    """Fill out [O] from an interval's samples [n, M]; memory [5] is updated.

    missing is the share of values that were not measured (filled before).
    """
    steps = samples.shape[0]
    last = samples[steps - 1]
    observe_load(samples, memory, limits, out)
    observe_size(last, limits, out)
    slo_ms = limits[lim.SLO_LATENCY_MS]
    ready = max(last[smp.REPLICAS_READY], 1.0)
    rate = max(last[smp.REQUEST_RATE_PER_S], 1e-3)
    out[18] = bounded(0.5 * math.log(max(last[smp.CPU_USAGE_M], 1e-3) / rate / 10.0), 3.0)
    out[19] = bounded(math.log(slo_ms / 100.0) / 2.0, 3.0)
    out[20] = bounded(normal_quantile(limits[lim.SLO_PERCENTILE]) - 1.6, 3.0)
    out[21] = bounded(math.log(1.0 + last[smp.CONCURRENCY] / ready) - 1.0, 3.0)
    for dimension in range(3):
        field = smp.CPU_REQUEST_M + dimension - 1 if dimension > 0 else smp.REPLICAS_WANTED
        now = max(last[field], 1e-9)
        before = memory[MEMORY_ALLOCATION + dimension]
        change = math.log(now / before) if memory[MEMORY_KNOWN] > 0.0 and before > 0.0 else 0.0
        out[26 + dimension] = bounded(3.0 * change, 3.0)
        memory[MEMORY_ALLOCATION + dimension] = now
    out[29] = 1.0 if last[smp.REPLICAS_READY] != last[smp.REPLICAS_WANTED] else 0.0
    out[30] = missing
    out[31] = memory[MEMORY_KNOWN]
    memory[MEMORY_KNOWN] = 1.0


@compiled
def observe_load(
    samples: FloatArray, memory: FloatArray, limits: FloatArray, out: FloatArray
) -> None:
    """The fields that summarise utilisation, rate, latency and errors over the interval."""
    steps = samples.shape[0]
    slo_ms = limits[lim.SLO_LATENCY_MS]
    cpu_sum, cpu_peak, held_peak, throttled, errors = 0.0, 0.0, 0.0, 0.0, 0.0
    rate_sum, rate_square, worst, preserved, kills, restarts = 0.0, 0.0, 1e-9, 0.0, 0.0, 0.0
    for index in range(steps):
        row = samples[index]
        requested = max(row[smp.REPLICAS_WANTED] * row[smp.CPU_REQUEST_M], 1e-9)
        used = row[smp.CPU_USAGE_M] / requested
        cpu_sum += used
        cpu_peak = max(cpu_peak, used)
        held = row[smp.MEMORY_WORKING_SET_BYTES] / max(row[smp.MEMORY_REQUEST_BYTES], 1e-9)
        held_peak = max(held_peak, held)
        throttled += row[smp.CPU_THROTTLED_RATIO]
        errors += row[smp.ERROR_RATIO]
        rate = row[smp.REQUEST_RATE_PER_S]
        rate_sum += rate
        rate_square += rate * rate
        latency = max(row[smp.LATENCY_MS], 1e-9)
        worst = max(worst, latency)
        preserved += min(slo_ms / latency, 1.0) * (1.0 - row[smp.ERROR_RATIO])
        kills += row[smp.OOM_KILLS]
        restarts += row[smp.RESTARTS]
    last = samples[steps - 1]
    mean = rate_sum / steps
    if memory[MEMORY_KNOWN] == 0.0:
        memory[MEMORY_RATE] = mean
    floor = 1e-3 + 1e-3 * memory[MEMORY_RATE]
    deviation = math.sqrt(max(rate_square / steps - mean * mean, 0.0))
    held = last[smp.MEMORY_WORKING_SET_BYTES] / max(last[smp.MEMORY_REQUEST_BYTES], 1e-9)
    first_rate = samples[0, smp.REQUEST_RATE_PER_S]
    out[0] = bounded(2.0 * cpu_sum / steps - 1.0, 3.0)
    out[1] = bounded(2.0 * cpu_peak - 1.0, 3.0)
    out[2] = bounded(2.0 * held - 1.0, 3.0)
    out[3] = bounded(2.0 * held_peak - 1.0, 3.0)
    out[4] = throttled / steps
    out[5] = bounded(math.log((mean + floor) / (memory[MEMORY_RATE] + floor)), 3.0)
    out[6] = bounded(
        2.0 * math.log((last[smp.REQUEST_RATE_PER_S] + floor) / (first_rate + floor)), 3.0
    )
    out[7] = bounded(3.0 * deviation / (mean + floor), 3.0)
    out[8] = bounded(math.log(slo_ms / worst), 3.0)
    out[9] = preserved / steps
    out[10] = bounded(math.log(max(last[smp.LATENCY_P50_MS], 1e-9) / slo_ms), 3.0)
    out[11] = bounded(3.0 * errors / steps, 3.0)
    out[24] = min(kills, 1.0)
    out[25] = min(restarts / max(last[smp.REPLICAS_WANTED], 1.0), 1.0)
    memory[MEMORY_RATE] += _RATE_WEIGHT * (mean - memory[MEMORY_RATE])


@compiled
def observe_size(last: FloatArray, limits: FloatArray, out: FloatArray) -> None:
    """The fields that say how large the workload is and may be."""
    replicas_max = limits[lim.REPLICAS_MAX]
    cpu_max = limits[lim.CPU_MAX_M]
    out[12] = min(last[smp.REPLICAS_READY] / max(last[smp.REPLICAS_WANTED], 1.0), 1.0)
    out[13] = log_position(last[smp.REPLICAS_WANTED], limits[lim.REPLICAS_MIN], replicas_max)
    out[14] = log_position(last[smp.CPU_REQUEST_M], limits[lim.CPU_MIN_M], cpu_max)
    out[15] = log_position(
        last[smp.MEMORY_REQUEST_BYTES], limits[lim.MEMORY_MIN_BYTES], limits[lim.MEMORY_MAX_BYTES]
    )
    least_m = limits[lim.REPLICAS_MIN] * limits[lim.CPU_MIN_M]
    out[16] = log_position(last[smp.CPU_USAGE_M], least_m, replicas_max * cpu_max)
    out[17] = log_position(
        last[smp.MEMORY_WORKING_SET_BYTES],
        limits[lim.MEMORY_MIN_BYTES],
        limits[lim.MEMORY_MAX_BYTES],
    )
    out[22] = bounded(math.log(replicas_max) / 2.0 - 1.0, 3.0)
    out[23] = bounded(math.log(cpu_max / 1000.0) / 2.0, 3.0)


@compiled
def observe_series(
    samples: FloatArray, missing: FloatArray, limits: FloatArray, out: FloatArray
) -> None:
    """Observations out [D, O] of consecutive intervals samples [D, n, M], missing [D]."""
    samples = borrowed(samples)
    missing = borrowed(missing)
    limits = borrowed(limits)
    out = borrowed(out)
    memory = np.zeros(OBSERVATION_MEMORY_COUNT)
    for index in range(samples.shape[0]):
        observe_one(samples[index], memory, limits, missing[index], out[index])


def observations_of_telemetry(frame: pd.DataFrame, workload: Workload) -> FloatArray:
    """Observations [T // 4, O] of a telemetry frame: one per minute, gaps filled and flagged.

    Rows beyond the last whole minute are left out.
    """
    samples, missing = telemetry_samples(frame, workload)
    intervals = len(samples) // INTERVAL_STEPS
    whole = intervals * INTERVAL_STEPS
    out = np.zeros((intervals, OBSERVATION_COUNT))
    if intervals:
        observe_series(
            contiguous(samples[:whole].reshape(intervals, INTERVAL_STEPS, smp.SAMPLE_COUNT)),
            contiguous(missing[:whole].reshape(intervals, INTERVAL_STEPS).mean(axis=1)),
            limits_of([workload])[0],
            out,
        )
    return out
