"""A twin from telemetry: the fit, and an ensemble of others that says how sure it is.

Member 0 is the fit to all training rows. The others are fits to block-bootstrap samples of the
rows (blocks of two minutes, so that autocorrelated rows stay together), with what the telemetry
doesn't identify drawn around its prior, and with a tail factor that is off by as much as the
model's slow latency is off where it was measured: no bootstrap shows what a model can't express.
Training and validation draw from all members. The intervals of single rows are beside them.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from components.cluster import parameters as par
from components.cluster.compiled import FloatArray
from components.cluster.limits import limits_of
from components.cluster.parameters import PARAMETER_NAMES
from components.cluster.twin import ERROR_NAMES, Twin
from components.cluster.twin_evidence import Evidence, evidence_of, identified
from components.cluster.twin_fit import first_guess, fit_parameters, log_errors
from components.cluster.twin_intervals import error_quantiles
from components.errors import UserError
from components.workload.spec import Workload

BLOCK_STEPS = 8
LEAST_ROWS = 16
# How far, by logarithm, a parameter may lie from its prior when nothing was seen of it.
UNSEEN_SPREAD = 0.35
MOST_MISFIT = 0.5
_UNSEEN = (
    "parallelism_cores",
    "concurrency_limit",
    "timeout_ms",
    "startup_s",
    "startup_cpu_m",
    "oom_restart_s",
)


def fit_twin(
    training: pd.DataFrame,
    held_out: pd.DataFrame,
    workload: Workload,
    rng: np.random.Generator,
    members: int = 8,
) -> Twin:
    """The twin of a workload from its training frame; its errors are taken on the held-out frame.

    Raises UserError when fewer than 16 rows of the training frame show load and allocation.
    """
    evidence = evidence_of(training, workload)
    rows = int(evidence.usable[:, 0].sum())
    if rows < LEAST_ROWS:
        raise UserError(
            f"{workload.key}: {rows} steps of its telemetry show load, CPU and a settled"
            f" allocation, {LEAST_ROWS} are needed; record for longer or see the quality report"
        )
    limits = limits_of([workload])[0]
    guess = first_guess(evidence)
    best = fit_parameters(evidence, limits, guess, guess, np.ones(len(training)))
    best[par.METRIC_NOISE] = _noise(best, limits, evidence)
    misfit = _deviation(log_errors(best, limits, evidence)[evidence.usable[:, 3], 3])
    seen = identified(evidence)
    ensemble = [best]
    for _ in range(members - 1):
        weights = block_weights(rng, len(training))
        resampled = fit_parameters(evidence, limits, best, guess, weights)
        resampled[par.TAIL_FACTOR] *= np.exp(rng.normal(0.0, min(misfit, MOST_MISFIT)))
        ensemble.append(_unseen_drawn(rng, resampled, seen))
    members_told = with_surroundings(np.stack(ensemble), workload)
    errors = relative_errors(best, limits, evidence_of(held_out, workload))
    quantiles = error_quantiles(evidence, limits, best, guess)
    return Twin(members_told, errors, seen, _intervals(quantiles))


def with_surroundings(members: FloatArray, workload: Workload) -> FloatArray:
    """Members [M, P] with what the workload's owner tells and no telemetry shows."""
    told = members.copy()
    for name, value in workload.surroundings.told().items():
        told[:, PARAMETER_NAMES.index(name)] = value
    return told


def relative_errors(
    parameters: FloatArray, limits: FloatArray, evidence: Evidence
) -> dict[str, float]:
    """Median of |predicted - measured| / measured by ERROR_NAMES; only what was measured."""
    relative = np.abs(np.expm1(log_errors(parameters, limits, evidence)))
    return {
        name: float(np.median(relative[rows, column]))
        for column, name in enumerate(ERROR_NAMES)
        if (rows := evidence.usable[:, column]).any()
    }


def block_weights(rng: np.random.Generator, steps: int) -> FloatArray:
    """How often each of `steps` rows is in a bootstrap sample of blocks: [steps], mean about 1."""
    blocks = -(-steps // BLOCK_STEPS)
    counts = rng.multinomial(blocks, np.full(blocks, 1.0 / blocks))
    return np.repeat(counts, BLOCK_STEPS)[:steps].astype(np.float64)


def _intervals(quantiles: FloatArray) -> dict[str, tuple[float, float]]:
    """Factors by ERROR_NAMES of the quantiles [4, 2] of logarithms that are known."""
    return {
        name: (float(np.exp(low)), float(np.exp(high)))
        for name, (low, high) in zip(ERROR_NAMES, quantiles, strict=True)
        if np.isfinite(low)
    }


def _noise(parameters: FloatArray, limits: FloatArray, evidence: Evidence) -> float:
    """Relative deviation of measured CPU around the fit."""
    spec = par.SERVICE_PARAMETERS[par.METRIC_NOISE]
    errors = log_errors(parameters, limits, evidence)[evidence.usable[:, 0], 0]
    return float(np.clip(_deviation(errors), spec.low, spec.high))


def _deviation(errors: FloatArray) -> float:
    """Robust standard deviation: 1.4826 times the median of the absolute values; 0 of nothing."""
    return 1.4826 * float(np.median(np.abs(errors))) if errors.size else 0.0


def _unseen_drawn(
    rng: np.random.Generator, parameters: FloatArray, seen: Mapping[str, bool]
) -> FloatArray:
    drawn = parameters.copy()
    for name in _UNSEEN:
        factor = np.exp(rng.normal(0.0, UNSEEN_SPREAD))
        if not seen.get(name, False):
            drawn[PARAMETER_NAMES.index(name)] *= factor
    return par.clip_parameters(drawn)
