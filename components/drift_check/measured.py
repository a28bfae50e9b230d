"""What the three tests look at, as series [T] of a telemetry frame (pure)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from components.cluster.compiled import FloatArray
from components.drift_check.prediction import Prediction, column, filled, predict
from components.workload.spec import Workload

# Beyond these a step shows its incident and not the service: what fails uses no CPU, what is
# throttled or nearly full waits for its limit.
MOST_ERRORS = 0.02
MOST_THROTTLED = 0.25
MOST_UTILISED = 0.7
# A step in which a request failed beyond this share violates the SLO (as in cluster.reward).
MOST_FAILED = 1e-3
_TINY = 1e-9


@dataclass(frozen=True, slots=True)
class Residuals:
    """Logarithm of measured over predicted [T]; NaN in steps that don't show the service itself."""

    cpu: FloatArray
    memory: FloatArray
    latency: FloatArray


def residuals_of(frame: pd.DataFrame, workload: Workload, parameters: FloatArray) -> Residuals:
    """Return the residuals of the twin's predictions on the frame.

    Left out are steps with failures, restarts or pods that start (their start-up needs CPU), and
    for latency those that are throttled or nearly full.
    """
    predicted: Prediction = predict(frame, workload, parameters)
    steady = is_steady(frame)
    usage_m = column(frame, "cpu_usage_m")
    limit_m = column(frame, "cpu_limit_m") * column(frame, "replicas_ready")
    full = np.isfinite(limit_m) & (usage_m > MOST_UTILISED * limit_m)
    calm = steady & ~full & (filled(frame, "cpu_throttled_ratio", 0.0) <= MOST_THROTTLED)
    return Residuals(
        cpu=_log_ratio(usage_m, predicted.cpu_m, steady),
        memory=_log_ratio(
            column(frame, "memory_working_set_bytes"), predicted.memory_bytes, steady
        ),
        latency=_log_ratio(column(frame, "latency_ms"), predicted.latency_ms, calm),
    )


def is_steady(frame: pd.DataFrame) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Return which steps [T] show pods that neither start, restart nor fail."""
    ready, wanted = column(frame, "replicas_ready"), filled(frame, "replicas_wanted", -1.0)
    same = ready == np.concatenate([ready[:1], ready[:-1]])
    return np.asarray(
        same
        & ((ready == wanted) | (wanted < 0))
        & (filled(frame, "restarts", 0.0) == 0)
        & (filled(frame, "error_ratio", 0.0) <= MOST_ERRORS)
        & (column(frame, "request_rate_per_s") > 0)
    )


def violations_of(frame: pd.DataFrame, workload: Workload) -> FloatArray:
    """Return 1 in each step [T] that breaks the SLO, 0 where it is kept, NaN where unknown."""
    latency_ms = column(frame, "latency_ms")
    rate_per_s = column(frame, "request_rate_per_s")
    broken = (
        (filled(frame, "error_ratio", 0.0) > MOST_FAILED)
        | (filled(frame, "oom_kills", 0.0) > 0)
        | (latency_ms > workload.slo.latency_ms)
    )
    unknown = np.isnan(rate_per_s) | (np.isnan(latency_ms) & (rate_per_s > 0) & ~broken)
    return np.where(unknown, np.nan, broken.astype(np.float64))


def log_rates_of(frame: pd.DataFrame) -> FloatArray:
    """Return the logarithm of the request rate [T]; an idle step counts as 0.001 a second."""
    return np.log(np.maximum(column(frame, "request_rate_per_s"), 1e-3))


def variability_of(rates_per_s: FloatArray) -> float:
    """Return the logarithm of how much the rates [n] of one block vary around their own line.

    The deviation from step to step over the mean: a trend within the block doesn't count.
    """
    mean = float(np.mean(rates_per_s))
    changes = np.diff(rates_per_s)
    deviation = float(np.sqrt(np.mean(changes**2) / 2.0)) if changes.size else 0.0
    return float(np.log((deviation + 0.01 * mean + _TINY) / (mean + _TINY)))


def _log_ratio(
    measured: FloatArray, predicted: FloatArray, kept: np.ndarray[tuple[int], np.dtype[np.bool_]]
) -> FloatArray:
    known = kept & (measured > 0) & (predicted > 0)
    ratio = np.divide(measured, predicted, out=np.ones_like(measured), where=known)
    return np.where(known, np.log(ratio), np.nan)
