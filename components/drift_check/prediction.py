"""What the twin says a workload should use and how fast it should be, step by step."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from components.cluster import parameters as par
from components.cluster.compiled import FloatArray
from components.cluster.queueing import gamma_quantile, normal_quantile, station
from components.workload.spec import Workload


@dataclass(frozen=True, slots=True)
class Prediction:
    """Of each step [T]: CPU over all pods, working set of a pod, latency at the SLO's percentile.

    NaN where the step's load or allocation isn't known.
    """

    cpu_m: FloatArray
    memory_bytes: FloatArray
    latency_ms: FloatArray


def predict(frame: pd.DataFrame, workload: Workload, parameters: FloatArray) -> Prediction:
    """Return what a service of these parameters [P] shows under the frame's load and allocation.

    CPU is idling plus demand; memory is the base plus what concurrent requests hold (Little's law
    from the median latency); latency is the queueing model's.
    """
    rate_per_s = column(frame, "request_rate_per_s") * (1.0 - filled(frame, "error_ratio", 0.0))
    ready = column(frame, "replicas_ready")
    ready = np.where(ready > 0, ready, np.nan)
    quota_m = np.where(
        np.isfinite(column(frame, "cpu_limit_m")),
        column(frame, "cpu_limit_m"),
        1000.0 * parameters[par.PARALLELISM_CORES],
    )
    idle_m = parameters[par.IDLE_CPU_M]
    concurrency = rate_per_s * column(frame, "latency_p50_ms") / 1000.0 / ready
    return Prediction(
        cpu_m=ready * idle_m + parameters[par.SERVICE_DEMAND_MS] * rate_per_s,
        memory_bytes=parameters[par.MEMORY_BASE_BYTES]
        + parameters[par.MEMORY_PER_REQUEST_BYTES] * concurrency,
        latency_ms=np.array(
            [
                _latency_ms(rate, quota, workload.slo.latency_percentile, parameters)
                for rate, quota in zip(rate_per_s / ready, quota_m, strict=True)
            ]
        ),
    )


def column(frame: pd.DataFrame, name: str) -> FloatArray:
    """Return a column [T] of a telemetry frame."""
    return frame[name].to_numpy(dtype=np.float64)


def filled(frame: pd.DataFrame, name: str, value: float) -> FloatArray:
    """Return a column [T] with a value in place of what is missing."""
    values = column(frame, name)
    return np.where(np.isfinite(values), values, value)


def _latency_ms(
    rate_per_s: float, quota_m: float, percentile: float, parameters: FloatArray
) -> float:
    if not (np.isfinite(rate_per_s) and np.isfinite(quota_m)):
        return float("nan")
    idle_m = min(parameters[par.IDLE_CPU_M], 0.95 * quota_m)
    wait_s = parameters[par.WAIT_MS] / 1000.0
    mean_s, variance, _, _ = station(
        rate_per_s,
        (quota_m - idle_m) / 1000.0,
        parameters[par.SERVICE_DEMAND_MS] / 1000.0,
        parameters[par.DEMAND_VARIABILITY],
        wait_s,
        parameters[par.PARALLELISM_CORES],
        parameters[par.CONCURRENCY_LIMIT],
    )
    slow_s = wait_s + gamma_quantile(mean_s, variance, normal_quantile(percentile))
    return float(1000.0 * slow_s)
