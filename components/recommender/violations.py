"""Violations of the last interval: as measured, and as a twin expects them of a proposal."""

from __future__ import annotations

import numpy as np

from components.cluster import limits as lim
from components.cluster import sample as smp
from components.cluster.compiled import FloatArray
from components.cluster.noise import no_noise
from components.cluster.reward import INTERVAL_STEPS, step_quality
from components.cluster.simulator import step
from components.cluster.state import initial_state
from components.recommender.telemetry_batch import Batch

# More failed requests than one in a thousand are the service's own fault (as in training).
_FAILED = 1e-3


def measured_violations(batch: Batch, new_steps: FloatArray, limits: FloatArray) -> FloatArray:
    """The share [B] of the new steps, weighted by their requests, that missed the objective.

    NaN without a new step in which rate and latency were measured and something was asked.
    """
    steps = batch.raw.shape[1]
    new = np.arange(steps)[None, :] >= steps - new_steps[:, None]
    rate, latency_ms = batch.raw[:, :, smp.REQUEST_RATE_PER_S], batch.raw[:, :, smp.LATENCY_MS]
    errors = np.nan_to_num(batch.raw[:, :, smp.ERROR_RATIO])
    kills = np.nan_to_num(batch.raw[:, :, smp.OOM_KILLS])
    bad = (latency_ms > limits[:, None, lim.SLO_LATENCY_MS]) | (errors > _FAILED) | (kills > 0)
    counted = np.where(new & np.isfinite(rate) & np.isfinite(latency_ms), rate, 0.0)
    total = counted.sum(axis=1)
    share = (counted * bad).sum(axis=1)
    shares: FloatArray = np.full(len(total), np.nan)
    np.divide(share, total, out=shares, where=total > 0)
    return shares


def oom_kills(batch: Batch, new_steps: FloatArray) -> FloatArray:
    """OOM kills [B] in the new steps."""
    steps = batch.raw.shape[1]
    new = np.arange(steps)[None, :] >= steps - new_steps[:, None]
    counted: FloatArray = (np.nan_to_num(batch.raw[:, :, smp.OOM_KILLS]) * new).sum(axis=1)
    return counted


def expected_violation(
    twin: FloatArray, limits: FloatArray, allocation: FloatArray, rates_per_s: FloatArray
) -> float:
    """The share of an interval's steps that a twin [P] violates, settled at an allocation [3].

    limits [L]; rates_per_s [4] as measured. Without chance: metrics' noise is no violation.
    """
    parameters, bounds, wanted = twin[None], limits[None], allocation[None]
    state = initial_state(parameters, bounds, wanted, rates_per_s[:1])
    violated = 0.0
    for index in range(INTERVAL_STEPS):
        state, samples = step(
            state, parameters, bounds, wanted, rates_per_s[index : index + 1], no_noise(1, 1)[0]
        )
        violated += step_quality(samples[0], limits)[1]
    return violated / INTERVAL_STEPS
