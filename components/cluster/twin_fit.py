"""Fitting the simulator's parameters to evidence: robust least squares over a replay.

The parameters are fitted by their logarithms. Residuals are logarithms of predicted over measured
(CPU, memory, median latency, latency at the SLO's percentile), each over its usual error, with a
soft-L1 loss against outliers; a wide prior holds what the telemetry can't tell.
"""

from __future__ import annotations

import numpy as np
from scipy.optimize import least_squares

from components.cluster import parameters as par
from components.cluster import sample as smp
from components.cluster.compiled import FloatArray
from components.cluster.parameters import SERVICE_PARAMETERS
from components.cluster.replay import replay
from components.cluster.twin_evidence import Evidence, resizes, starts

FITTED = (
    par.SERVICE_DEMAND_MS,
    par.DEMAND_VARIABILITY,
    par.WAIT_MS,
    par.CONCURRENCY_LIMIT,
    par.IDLE_CPU_M,
    par.MEMORY_BASE_BYTES,
    par.MEMORY_PER_REQUEST_BYTES,
    par.MEMORY_RELEASE_PER_STEP,
    par.WAIT_VARIABILITY,
)
# The usual error of each measured quantity, by logarithm: CPU, memory, median and slow latency.
# Larger ones for CPU and memory let latency, which the model misses by more, pull the demand.
USUAL_ERROR = np.array([0.02, 0.02, 0.15, 0.15])
# How far, by logarithm, each fitted parameter is believed to lie from its first guess.
PRIOR_DEVIATION = np.array([1.0, 1.5, 2.0, 1.0, 1.0, 0.7, 1.5, 1.5, 1.0])
PRIOR_WAIT_VARIABILITY = 0.5
# What is fitted by its logarithm has to stay above zero.
_LEAST = 1e-3
PRIOR_TIMEOUT_MS = 10_000.0
PRIOR_STARTUP_S = 20.0
PRIOR_RESIZE_DELAY_S = 5.0
PRIOR_OOM_RESTART_S = 10.0  # the kubelet's first back-off
PRIOR_CONCURRENCY = 32.0
PRIOR_PARALLELISM = 1.0
_EVALUATIONS = 60
_FAR_FROM_USUAL = 10.0


def first_guess(evidence: Evidence) -> FloatArray:
    """Parameters [P] read off the telemetry directly: the start and the prior of the fit."""
    samples, usable = evidence.samples, evidence.usable
    rows = samples[usable[:, 0]] if usable[:, 0].any() else samples
    guess = par.neutral_row()
    rate = np.maximum(rows[:, smp.REQUEST_RATE_PER_S], 1e-3)
    demand_ms = 0.9 * float(np.median(rows[:, smp.CPU_USAGE_M] / rate))
    guess[par.SERVICE_DEMAND_MS] = demand_ms
    guess[par.DEMAND_VARIABILITY] = 0.3
    guess[par.WAIT_MS] = max(
        float(np.quantile(rows[:, smp.LATENCY_P50_MS], 0.1)) - demand_ms, 0.1 * demand_ms
    )
    guess[par.WAIT_VARIABILITY] = PRIOR_WAIT_VARIABILITY
    guess[par.PARALLELISM_CORES] = PRIOR_PARALLELISM
    guess[par.CONCURRENCY_LIMIT] = PRIOR_CONCURRENCY
    guess[par.TIMEOUT_MS] = _timeout_ms(samples)
    guess[par.IDLE_CPU_M] = 0.05 * float(np.median(rows[:, smp.CPU_USAGE_M]))
    base = float(np.quantile(rows[:, smp.MEMORY_WORKING_SET_BYTES], 0.1))
    guess[par.MEMORY_BASE_BYTES] = base
    guess[par.MEMORY_PER_REQUEST_BYTES] = 0.02 * base
    guess[par.MEMORY_RELEASE_PER_STEP] = 0.2
    seen = starts(samples)
    guess[par.STARTUP_S] = float(np.median(seen)) if seen.size else PRIOR_STARTUP_S
    guess[par.STARTUP_CPU_M] = float(np.median(rows[:, smp.CPU_REQUEST_M]))
    guess[par.RESIZE_DELAY_S] = PRIOR_RESIZE_DELAY_S
    guess[par.RESIZE_RESTARTS] = _resize_restarts(samples)
    guess[par.OOM_RESTART_S] = PRIOR_OOM_RESTART_S
    guess[par.METRIC_NOISE] = 0.02
    guess[par.METRIC_DELAY_S] = 7.5
    # Not fitted: a factor of the training rows' own makes held-out latency worse (.27 to .31).
    guess[par.TAIL_FACTOR] = 1.0
    return par.clip_parameters(guess)


def fit_parameters(
    evidence: Evidence,
    limits: FloatArray,
    start: FloatArray,
    prior: FloatArray,
    weights: FloatArray,
) -> FloatArray:
    """Parameters [P] that replay the evidence best; weights [T] count the rows (bootstrap).

    limits [L]; start and prior [P]. Deterministic.
    """
    low = np.log([max(SERVICE_PARAMETERS[index].low, _LEAST) for index in FITTED])
    high = np.log([SERVICE_PARAMETERS[index].high for index in FITTED])
    prior_logs = np.log(prior[list(FITTED)])
    scale = np.sqrt(weights)[:, None] * evidence.usable / USUAL_ERROR

    def residuals(logs: FloatArray) -> FloatArray:
        off = scale * log_errors(with_fitted(start, logs), limits, evidence)
        pull: FloatArray = (logs - prior_logs) / PRIOR_DEVIATION
        return np.concatenate([off.ravel(), pull])

    found = least_squares(
        residuals,
        np.clip(np.log(start[list(FITTED)]), low + 1e-9, high - 1e-9),
        bounds=(low, high),
        loss="soft_l1",
        max_nfev=_EVALUATIONS,
    )
    return with_fitted(start, found.x)


def log_errors(parameters: FloatArray, limits: FloatArray, evidence: Evidence) -> FloatArray:
    """Logarithm of predicted over measured [T, 4]; 0 where nothing usable was measured."""
    measured = evidence.measured
    predicted = replay(parameters, limits, evidence.samples)[:, : measured.shape[1]]
    ratio = np.divide(
        np.maximum(predicted, 1e-9), measured, out=np.ones_like(measured), where=evidence.usable
    )
    errors: FloatArray = np.log(ratio)
    return errors


def with_fitted(parameters: FloatArray, logs: FloatArray) -> FloatArray:
    """Parameters [P] with the fitted ones replaced by the exponentials of `logs`."""
    changed = parameters.copy()
    changed[list(FITTED)] = np.exp(logs)
    return changed


def _timeout_ms(samples: FloatArray) -> float:
    """The slowest latency beside failures, if far from usual; else refusals failed at once."""
    failing = samples[samples[:, smp.ERROR_RATIO] > 0.01]
    if not failing.size:
        return PRIOR_TIMEOUT_MS
    slowest = float(failing[:, smp.LATENCY_MS].max())
    usual = float(np.median(samples[:, smp.LATENCY_MS]))
    return slowest if slowest > _FAR_FROM_USUAL * usual else PRIOR_TIMEOUT_MS


def _resize_restarts(samples: FloatArray) -> float:
    rows = resizes(samples)
    if not rows.any():
        return 0.0
    restarted = (samples[rows, smp.RESTARTS] > 0.0) & (samples[rows, smp.OOM_KILLS] == 0.0)
    return float(restarted.mean() > 0.5)
