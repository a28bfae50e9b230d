"""Means with intervals and one-sided bounds of paired differences (Student's t)."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.special import stdtrit

from components.cluster.compiled import FloatArray


@dataclass(frozen=True, slots=True)
class Interval:
    """A mean and the two ends of its confidence interval."""

    mean: float
    low: float
    high: float


def mean_interval(values: FloatArray, confidence: float = 0.95) -> Interval:
    """The mean of `values` [N >= 2] and its two-sided interval, mean -+ t(N - 1) * s / sqrt(N)."""
    mean, error = _mean_and_error(values)
    reach = _quantile(1.0 - (1.0 - confidence) / 2.0, values.size) * error
    return Interval(mean, mean - reach, mean + reach)


def upper_bound(differences: FloatArray, confidence: float = 0.95) -> float:
    """What the true mean of `differences` [N >= 2] is below, with this confidence."""
    mean, error = _mean_and_error(differences)
    return mean + _quantile(confidence, differences.size) * error


def lower_bound(differences: FloatArray, confidence: float = 0.95) -> float:
    """What the true mean of `differences` [N >= 2] is above, with this confidence."""
    return -upper_bound(-differences, confidence)


def _mean_and_error(values: FloatArray) -> tuple[float, float]:
    if values.ndim != 1 or values.size < 2:
        raise ValueError(f"an interval needs two values or more, not shape {values.shape}")
    if not np.all(np.isfinite(values)):
        raise ValueError("an interval needs finite values")
    return float(values.mean()), float(values.std(ddof=1)) / math.sqrt(values.size)


def _quantile(probability: float, size: int) -> float:
    return float(stdtrit(size - 1, probability))
