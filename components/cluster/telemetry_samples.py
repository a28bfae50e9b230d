"""Real telemetry as the simulator's samples, so that both are read by the same code."""

from __future__ import annotations

import numpy as np
import pandas as pd

from components.cluster import sample as smp
from components.cluster.compiled import FloatArray, contiguous
from components.workload.spec import Workload

MEASURED_COLUMNS: tuple[str, ...] = smp.SAMPLE_FIELDS[: smp.CONCURRENCY]


def telemetry_samples(frame: pd.DataFrame, workload: Workload) -> tuple[FloatArray, FloatArray]:
    """(samples [T, M], missing share [T]) of a telemetry frame.

    A missing value is the last one known (before the first: the first known); a column without
    any value gets what says least: no requests, no errors, half of the latency objective, half
    of the allocation used, the smallest allocation. Concurrency follows Little's law from the
    median latency. The exact fields repeat the measured ones.
    """
    samples = np.zeros((len(frame), smp.SAMPLE_COUNT))
    missing = frame[list(MEASURED_COLUMNS)].isna().to_numpy().mean(axis=1)
    for field, column in enumerate(MEASURED_COLUMNS):
        samples[:, field] = frame[column].ffill().bfill().to_numpy(dtype=np.float64)
    _fill_unknown(samples, workload)
    rate = samples[:, smp.REQUEST_RATE_PER_S]
    samples[:, smp.CONCURRENCY] = rate * samples[:, smp.LATENCY_P50_MS] * 1e-3
    samples[:, smp.READY_CPU_USAGE_M] = samples[:, smp.CPU_USAGE_M]
    samples[:, smp.EXACT_LATENCY_MS] = samples[:, smp.LATENCY_MS]
    samples[:, smp.EXACT_FAILED_RATIO] = samples[:, smp.ERROR_RATIO]
    samples[:, smp.EXACT_CPU_USAGE_M] = samples[:, smp.CPU_USAGE_M]
    samples[:, smp.EXACT_MEMORY_BYTES] = samples[:, smp.MEMORY_WORKING_SET_BYTES]
    samples[:, smp.ARRIVED] = rate * smp.STEP_S
    samples[:, smp.FAILED] = samples[:, smp.ARRIVED] * samples[:, smp.ERROR_RATIO]
    samples[:, smp.SERVED] = samples[:, smp.ARRIVED] - samples[:, smp.FAILED]
    return samples, contiguous(missing)


def _fill_unknown(samples: FloatArray, workload: Workload) -> None:
    bounds = workload.bounds
    defaults = {
        smp.REPLICAS_WANTED: float(bounds.replicas_min),
        smp.CPU_REQUEST_M: float(bounds.cpu_min_m),
        smp.MEMORY_REQUEST_BYTES: float(bounds.memory_min_bytes),
        smp.LATENCY_MS: 0.5 * workload.slo.latency_ms,
        smp.LATENCY_P50_MS: 0.25 * workload.slo.latency_ms,
    }
    for field in range(smp.CONCURRENCY):
        column = samples[:, field]
        column[np.isnan(column)] = defaults.get(field, np.nan)
    wanted = samples[:, smp.REPLICAS_WANTED]
    half_cpu = 0.5 * wanted * samples[:, smp.CPU_REQUEST_M]
    derived = {
        smp.REPLICAS_READY: wanted,
        smp.CPU_USAGE_M: half_cpu,
        smp.MEMORY_WORKING_SET_BYTES: 0.5 * samples[:, smp.MEMORY_REQUEST_BYTES],
    }
    for field, values in derived.items():
        column = samples[:, field]
        np.copyto(column, values, where=np.isnan(column))
    np.nan_to_num(samples, copy=False, nan=0.0)
