"""What the three tests look at, as series [T] of a telemetry frame (pure)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from components.cluster import sample as smp
from components.cluster.compiled import FloatArray
from components.cluster.limits import limits_of
from components.cluster.twin_evidence import MEASURED, Evidence, evidence_of
from components.cluster.twin_fit import log_errors
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
    """Return the residuals of the twin with parameters [P], replaying the frame's load and sizes.

    Left out are steps with failures, with a start, a restart or a new size just before, and for
    latency those that are throttled or nearly full.
    """
    evidence = _from_rest(evidence_of(frame, workload))
    residuals = -log_errors(parameters, limits_of([workload])[0], evidence)
    working = filled(frame, "error_ratio", 0.0) <= MOST_ERRORS
    limit_m = column(frame, "cpu_limit_m") * column(frame, "replicas_ready")
    full = np.isfinite(limit_m) & (column(frame, "cpu_usage_m") > MOST_UTILISED * limit_m)
    calm = ~full & (filled(frame, "cpu_throttled_ratio", 0.0) <= MOST_THROTTLED)

    kept = evidence.usable & working[:, np.newaxis]
    kept[:, MEASURED.index("latency_ms")] &= calm
    shown = np.where(kept, residuals, np.nan)
    return Residuals(
        cpu=shown[:, MEASURED.index("cpu_usage_m")],
        memory=shown[:, MEASURED.index("memory_working_set_bytes")],
        latency=shown[:, MEASURED.index("latency_ms")],
    )


def _from_rest(evidence: Evidence) -> Evidence:
    """Return the evidence with a first step that hides the memory in use, and doesn't count.

    A replay begins with the memory of its first step; memory that grew for good would then look
    like memory not yet released.
    """
    samples, usable = evidence.samples.copy(), evidence.usable.copy()
    samples[0, smp.MEMORY_WORKING_SET_BYTES] = 0.0
    usable[0] = False
    return Evidence(samples, usable)


def violations_of(frame: pd.DataFrame, workload: Workload) -> FloatArray:
    """Return 1 in each step [T] that breaks the SLO, 0 where it is kept, NaN where unknown.

    A success ratio allows as many failures as it leaves out; a step in which failures and late
    answers break it only together isn't seen, since how many were late isn't measured.
    """
    slo = workload.slo
    most_failed = 1.0 - slo.latency_percentile if slo.counts_errors else MOST_FAILED
    latency_ms = column(frame, "latency_ms")
    rate_per_s = column(frame, "request_rate_per_s")
    broken = (
        (filled(frame, "error_ratio", 0.0) > most_failed)
        | (filled(frame, "oom_kills", 0.0) > 0)
        | (latency_ms > slo.latency_ms)
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


def column(frame: pd.DataFrame, name: str) -> FloatArray:
    """Return a column [T] of a telemetry frame."""
    return frame[name].to_numpy(dtype=np.float64)


def filled(frame: pd.DataFrame, name: str, value: float) -> FloatArray:
    """Return a column [T] with a value in place of what is missing."""
    values = column(frame, name)
    return np.where(np.isfinite(values), values, value)
