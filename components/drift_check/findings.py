"""The three tests of one workload: input, dynamics, outcome (pure)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from components.cluster.compiled import FloatArray
from components.drift_check.blocks import blocks
from components.drift_check.config import DriftConfig
from components.drift_check.measured import (
    Residuals,
    column,
    log_rates_of,
    variability_of,
)
from components.drift_check.shift import (
    FEWEST_RECENT_BLOCKS,
    FEWEST_REFERENCE_BLOCKS,
    Shift,
    level_of,
    minimum_effect,
    shift_between,
    wandering,
)
from components.workload.telemetry import STEP_S

# A block of many hours would hide a change; the recent telemetry has at most so many.
MOST_RECENT_BLOCKS = 48
LATENCY = "latency"
_EDGES = (0.05, 0.95)
_SURE = 0.001


@dataclass(frozen=True, slots=True)
class Finding:
    """What one test found: of its measures the one that shifted most surely.

    `p_value` is corrected for the test's number of measures; 1 without enough data, when `shift`
    is None. `logarithmic` says that the shift's size is the logarithm of a factor, not a share.
    """

    measure: str
    p_value: float
    shift: Shift | None
    logarithmic: bool = True


@dataclass(frozen=True, slots=True)
class Promise:
    """The share of steps that violate the SLO under the policy, as validation saw it.

    `performance`: its reward less the priced violations there, mean and standard error; None from
    a validation that doesn't tell the reward.
    """

    mean: float
    low: float
    high: float
    performance: tuple[float, float] | None = None


def block_steps(recent: pd.DataFrame, config: DriftConfig) -> int:
    """Return how many steps make a block."""
    return max(config.block_s // STEP_S, math.ceil(len(recent) / MOST_RECENT_BLOCKS))


def input_finding(
    reference: pd.DataFrame, recent: pd.DataFrame, steps: int, config: DriftConfig
) -> Finding:
    """Return whether the rate, or how much it varies within a block, left what was seen before.

    Within the range of the reference a rate may be anything: the policy was learned there.
    """
    before, after = (blocks(log_rates_of(frame), steps, _log_mean) for frame in (reference, recent))
    steady, varied = (
        blocks(column(frame, "request_rate_per_s"), steps, variability_of)
        for frame in (reference, recent)
    )
    return surest(
        {
            "request rate": outside_range(before, after, math.log(config.rate_factor)),
            "variability of the request rate": outside_range(
                steady, varied, math.log(config.variability_factor)
            ),
        }
    )


def dynamics_finding(
    reference: Residuals, recent: Residuals, steps: int, config: DriftConfig
) -> Finding:
    """Return whether the twin's residuals are other ones than on the reference."""

    def shift(before: FloatArray, after: FloatArray, factor: float) -> Shift | None:
        return shift_between(blocks(before, steps), blocks(after, steps), math.log(factor))

    return surest(
        {
            "CPU per request": shift(reference.cpu, recent.cpu, config.cpu_factor),
            "memory": shift(reference.memory, recent.memory, config.memory_factor),
            LATENCY: shift(reference.latency, recent.latency, config.latency_factor),
        }
    )


def outside_range(reference: FloatArray, recent: FloatArray, floor: float) -> Shift | None:
    """Return how far the recent level [R] lies outside of what the reference blocks [K] span.

    The span is from their 5 % to their 95 % quantile; None where either is too short. A rate has
    rhythms: its error is what stretches of the reference, as long as the recent one, differ by.
    """
    if (
        np.isfinite(reference).sum() < FEWEST_REFERENCE_BLOCKS
        or np.isfinite(recent).sum() < FEWEST_RECENT_BLOCKS
    ):
        return None
    low, high = np.nanquantile(reference, _EDGES)
    before, after = level_of(reference, 0.0), level_of(recent, 0.0)
    outside = max(after.mean - high, 0.0) - max(low - after.mean, 0.0)
    calibration = wandering(reference, len(recent))
    return minimum_effect(
        difference=outside,
        error=calibration * float(np.hypot(before.error, after.error)),
        freedom=before.freedom + after.freedom,
        floor=floor,
        since=first_outside(recent, low - floor, high + floor),
    )


def surest(shifts: Mapping[str, Shift | None]) -> Finding:
    """Return the finding of one measure, its p times the number of measures (Bonferroni).

    The measures are in the order of cause and effect: a slower build uses more CPU and therefore
    answers later. The first that shifted surely is told, else the surest.
    """
    known = {measure: shift for measure, shift in shifts.items() if shift is not None}
    if not known:
        return Finding(next(iter(shifts)), 1.0, None)
    corrected = {name: min(1.0, len(known) * shift.p_value) for name, shift in known.items()}
    causes = [name for name, p_value in corrected.items() if p_value <= _SURE]
    measure = causes[0] if causes else min(known, key=lambda name: corrected[name])
    return Finding(measure, corrected[measure], known[measure])


def first_outside(recent: FloatArray, low: float, high: float) -> int:
    """Return the first block outside of these bounds, 0 where none is."""
    outside = np.flatnonzero((recent < low) | (recent > high))
    return int(outside[0]) if outside.size else 0


def _log_mean(values: FloatArray) -> float:
    return float(np.log(np.mean(np.exp(values))))


def mean(values: FloatArray) -> float:
    """Return the mean of a block's values [n]."""
    return float(np.mean(values))
