"""The third test of one workload: is the outcome still what it was, or what was promised (pure)?"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pandas as pd

from components.cluster.compiled import FloatArray
from components.cluster.reward import INTERVAL_STEPS
from components.drift_check.blocks import blocks, lag_one_correlation
from components.drift_check.config import DriftConfig
from components.drift_check.findings import Finding, Promise, first_outside, mean
from components.drift_check.measured import violations_of
from components.drift_check.shift import (
    FEWEST_RECENT_BLOCKS,
    Shift,
    level_of,
    minimum_effect,
    shift_between,
)
from components.policy.performance import measured_performance
from components.policy.prices import VIOLATION_PRICE
from components.policy.worth_retraining import (
    ReferencePerformance,
    correlation_time,
    lost_performance,
    reference_performance,
)
from components.workload.spec import Workload


def outcome_finding(
    reference: pd.DataFrame,
    recent: pd.DataFrame,
    workload: Workload,
    steps: int,
    config: DriftConfig,
    promise: Promise | None,
) -> Finding:
    """Return whether the SLO is violated more often than before, or than validation promised.

    A policy that acts is held against its reward as well: see `lost_finding`.
    """
    before, after = (
        blocks(violations_of(frame, workload), steps, mean) for frame in (reference, recent)
    )
    if promise is None:
        shift = shift_between(before, after, config.violation_share)
    else:
        shift = beyond_promise(before, after, promise, config.violation_share)
    # Fewer violations are no drift that needs anything.
    p_value = shift.p_value if shift and shift.size > 0 else 1.0
    violations = Finding("share of steps that violate the SLO", p_value, shift, logarithmic=False)
    if promise is None or promise.performance is None:
        return violations
    lost = lost_finding(reference, recent, workload, steps, promise.performance)
    surer = min((violations, lost), key=lambda finding: finding.p_value)
    return replace(surer, p_value=min(1.0, 2.0 * surer.p_value))


def lost_finding(
    reference: pd.DataFrame,
    recent: pd.DataFrame,
    workload: Workload,
    steps: int,
    promised: tuple[float, float],
) -> Finding:
    """Return whether a policy that acts gives less reward than `promised`, mean and error.

    Reward is less the priced violations. The bets of components.policy.worth_retraining decide;
    the reference telemetry says for how long one minute tells of the next.
    """
    measure = "reward less priced violations"
    before, after = (
        measured_performance(frame, workload, VIOLATION_PRICE) for frame in (reference, recent)
    )
    if np.isfinite(before).sum() < 2 or np.isfinite(after).sum() < 2:
        return Finding(measure, 1.0, None, logarithmic=False)
    block = reference_performance(before).block_intervals
    loss = lost_performance(after, ReferencePerformance(*promised, block))
    seen = after[np.isfinite(after)]
    independent = max(len(seen) / correlation_time(seen), 1.0)
    reach = 1.96 * float(np.hypot(promised[1], seen.std() / math.sqrt(independent)))
    size = float(seen.mean()) - promised[0]
    since = (loss.since or 0) * INTERVAL_STEPS // steps
    shift = Shift(size, size - reach, size + reach, loss.evidence, loss.p_value, since)
    return Finding(measure, loss.p_value, shift, logarithmic=False)


def beyond_promise(
    reference: FloatArray, recent: FloatArray, promise: Promise, floor: float
) -> Shift | None:
    """Return the shift of recent blocks [R] from what validation promised."""
    if np.isfinite(recent).sum() < FEWEST_RECENT_BLOCKS:
        return None
    after = level_of(recent, lag_one_correlation(reference))
    # The promise's 95 % interval is 3.92 standard errors wide.
    error = float(np.hypot(after.error, (promise.high - promise.low) / 3.92))
    return minimum_effect(
        difference=after.mean - promise.mean,
        error=error,
        freedom=after.freedom,
        floor=floor,
        since=first_outside(recent, 0.0, promise.mean + floor),
    )
