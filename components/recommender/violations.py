"""Violations of the last interval: as measured, and as a twin expects them of a proposal."""

from __future__ import annotations

import numpy as np

from components.cluster import limits as lim
from components.cluster import sample as smp
from components.cluster.compiled import FloatArray, compiled, contiguous
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


def memory_share(batch: Batch, new_steps: FloatArray) -> FloatArray:
    """The most memory in use in the new steps, as a share [B] of the request that was in force.

    Zero where nothing was measured.
    """
    steps = batch.raw.shape[1]
    new = np.arange(steps)[None, :] >= steps - new_steps[:, None]
    used = np.nan_to_num(batch.raw[:, :, smp.MEMORY_WORKING_SET_BYTES]) * new
    shares = used / np.maximum(batch.samples[:, :, smp.MEMORY_REQUEST_BYTES], 1.0)
    most: FloatArray = shares.max(axis=1)
    return most


def expected_violations(
    twins: FloatArray, limits: FloatArray, allocations: FloatArray, rates_per_s: FloatArray
) -> FloatArray:
    """The share [B] of an interval's steps that twins [B, P] violate at allocations [B, 3].

    Settled there. limits [B, L]; rates_per_s [B, 4] as measured. Without chance: the noise of a
    metric is no violation.
    """
    state = initial_state(twins, limits, allocations, rates_per_s[:, 0])
    quiet = no_noise(1, len(twins))[:, 0]
    violated = np.zeros(len(twins))
    for index in range(INTERVAL_STEPS):
        state, samples = step(state, twins, limits, allocations, rates_per_s[:, index], quiet)
        add_violations(samples, contiguous(limits), violated)
    return violated / INTERVAL_STEPS


@compiled
def add_violations(samples: FloatArray, limits: FloatArray, violated: FloatArray) -> None:
    """Add 1 to each row of violated [B] whose step violated."""
    for row in range(samples.shape[0]):
        violated[row] += step_quality(samples[row], limits[row])[1]
