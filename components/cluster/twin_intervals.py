"""How far measurements lie from a twin's prediction, learned on rows that a fit didn't see.

The ensemble shows what the parameters may be; a single row is off by more: chance within 15 s,
the metric's noise, and what the model can't express. So the training rows are cut into
contiguous folds, each predicted by a fit to the others, and the quantiles of their errors are
the interval (Barber et al. 2021, CV+, with contiguous folds because rows are autocorrelated).
"""

from __future__ import annotations

import numpy as np

from components.cluster.compiled import FloatArray
from components.cluster.twin_evidence import MEASURED, Evidence
from components.cluster.twin_fit import fit_parameters, log_errors

FOLDS = 4
INTERVAL_SHARE = 0.9
# Fewer errors than this say nothing about their tails.
LEAST_ERRORS = 20


def error_quantiles(
    evidence: Evidence, limits: FloatArray, best: FloatArray, prior: FloatArray
) -> FloatArray:
    """Log of measured over predicted at both ends of the 90 % interval: [4, 2] as MEASURED.

    best and prior [P], limits [L]. NaN where too few rows were measured to tell.
    """
    steps = len(evidence.samples)
    fold_of = np.arange(steps) * FOLDS // steps
    errors = np.full((steps, len(MEASURED)), np.nan)
    for fold in range(FOLDS):
        left_out = fold_of == fold
        fitted = fit_parameters(evidence, limits, best, prior, (~left_out).astype(np.float64))
        errors[left_out] = -log_errors(fitted, limits, evidence)[left_out]
    quantiles = np.full((len(MEASURED), 2), np.nan)
    for column in range(len(MEASURED)):
        seen = errors[evidence.usable[:, column], column]
        if seen.size >= LEAST_ERRORS:
            quantiles[column] = _ends(seen)
    return quantiles


def _ends(errors: FloatArray) -> FloatArray:
    """Both ends, a little outside the empirical quantiles as a finite sample asks (n + 1)."""
    tail = 0.5 * (1.0 - INTERVAL_SHARE) * (errors.size + 1) / errors.size - 1.0 / errors.size
    ends: FloatArray = np.quantile(errors, [max(tail, 0.0), min(1.0 - tail, 1.0)])
    return ends
