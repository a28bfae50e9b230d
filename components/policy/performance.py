"""What a policy is worth minute by minute, from telemetry or simulated samples (pure)."""

from __future__ import annotations

import numpy as np
import pandas as pd

from components.cluster import sample as smp
from components.cluster.compiled import FloatArray, borrowed, compiled
from components.cluster.limits import limits_of
from components.cluster.reward import INTERVAL_STEPS, RewardWeights, step_quality
from components.cluster.telemetry_samples import telemetry_samples
from components.workload.spec import Workload

# Without these a step tells nothing; whoever asks for nothing has no latency.
_NEEDED = ("request_rate_per_s", "latency_ms", "cpu_usage_m", "memory_working_set_bytes")


def measured_performance(
    frame: pd.DataFrame, workload: Workload, violation_price: float
) -> FloatArray:
    """Performance [T // INTERVAL_STEPS] of telemetry [T]; NaN where a step wasn't measured.

    Reward without what actions cost, less the price times the share of steps that violated.
    """
    samples, _ = telemetry_samples(frame, workload)
    idle = frame["request_rate_per_s"].eq(0.0) & frame["latency_ms"].isna()
    # Nobody waited: the last latency known says nothing of these steps.
    samples[idle, smp.EXACT_LATENCY_MS] = 0.0
    unknown = frame[list(_NEEDED)].isna()
    unknown.loc[idle, "latency_ms"] = False
    performance = performance_of(samples, limits_of([workload])[0], violation_price)
    whole = len(performance) * INTERVAL_STEPS
    gaps = unknown.any(axis=1).to_numpy()[:whole].reshape(-1, INTERVAL_STEPS).any(axis=1)
    return np.where(gaps, np.nan, performance)


def performance_of(samples: FloatArray, limits: FloatArray, violation_price: float) -> FloatArray:
    """Performance [T // INTERVAL_STEPS] of samples [T, M] of one workload with limits [L]."""
    intervals = len(samples) // INTERVAL_STEPS
    out = np.zeros(intervals)
    _fill(samples, limits, violation_price, RewardWeights().alpha, out)
    return out


@compiled
def _fill(
    samples: FloatArray, limits: FloatArray, violation_price: float, alpha: float, out: FloatArray
) -> None:
    """Mean worth of each interval's steps into out [D]."""
    samples = borrowed(samples)
    limits = borrowed(limits)
    out = borrowed(out)
    for interval in range(out.shape[0]):
        total = 0.0
        for step in range(INTERVAL_STEPS):
            row = samples[interval * INTERVAL_STEPS + step]
            preservation, violated, _, cpu, memory = step_quality(row, limits)
            total += alpha * preservation + (1.0 - alpha) * 0.5 * (cpu + memory)
            total -= violation_price * violated
        out[interval] = total / INTERVAL_STEPS
