"""Recent telemetry as one block of samples, and what it can be trusted for."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from components.cluster import sample as smp
from components.cluster.compiled import FloatArray
from components.recommender.guard import (
    AGE_S,
    CPU_USAGE_M,
    EVIDENCE_COUNT,
    MISSING,
    UNLIKE,
    WORKING_SET_BYTES,
)
from components.recommender.measures import MEASURES, NEVER_TOGETHER
from components.recommender.telemetry_source import STEPS, Recent
from components.workload.telemetry import STEP_S

Flags = NDArray[np.bool_]

# What is in force is known from the cluster, not from telemetry.
_IN_FORCE = ((smp.REPLICAS_WANTED, 0), (smp.CPU_REQUEST_M, 1), (smp.MEMORY_REQUEST_BYTES, 2))
_INTERVAL = 4
# No container that runs has less, and no request is served with less.
_LEAST_MEMORY_BYTES = 2.0**20
_LEAST_CPU_MS = 0.01


@dataclass(frozen=True, slots=True)
class Batch:
    """`raw` [B, T, C]: as measured, NaN for a gap; `samples` [B, T, M]: gaps filled.

    `known` [B, T]: 1 where CPU and memory were measured. `newest_s` [B]: when both were last,
    -inf for never. `load_s` [B]: the same for request rate and latency. `end_s` [B]: the newest
    row of any kind.
    """

    raw: FloatArray
    samples: FloatArray
    known: FloatArray
    newest_s: FloatArray
    load_s: FloatArray
    end_s: FloatArray

    def new_steps(self, seen_s: FloatArray) -> FloatArray:
        """How many of the newest steps [B] came after the time `seen_s` [B]."""
        with np.errstate(invalid="ignore"):
            count = np.floor((self.end_s - seen_s) / STEP_S + 0.5)
        known = np.nan_to_num(count, nan=0.0, posinf=STEPS, neginf=0.0)
        new: FloatArray = np.clip(known, 0.0, float(STEPS))
        return new

    def evidence(self, now_s: float, needs_load: Flags, unlike: Flags) -> FloatArray:
        """What the guard has to know of each row [B, EVIDENCE_COUNT].

        needs_load [B]: whether rate and latency are decided on too. unlike [B]: whether the rate
        is far from all that the policy was trained on.
        """
        newest_s = np.where(needs_load, np.minimum(self.newest_s, self.load_s), self.newest_s)
        recent = self.raw[:, -_INTERVAL:]
        rows = np.empty((len(newest_s), EVIDENCE_COUNT))
        rows[:, AGE_S] = now_s - newest_s
        rows[:, MISSING] = self._missing(newest_s, needs_load)
        rows[:, UNLIKE] = unlike
        rows[:, WORKING_SET_BYTES] = _largest(recent[:, :, smp.MEMORY_WORKING_SET_BYTES])
        rows[:, CPU_USAGE_M] = _largest(recent[:, :, smp.CPU_USAGE_M])
        return rows

    def _missing(self, newest_s: FloatArray, needs_load: Flags) -> FloatArray:
        """Which measures nothing was seen of [B], as a sum of MEASURES' numbers; 0 for none."""
        missing = np.zeros(len(newest_s))
        for number, _, field in MEASURES:
            unseen: Flags = np.all(~np.isfinite(self.raw[:, :, field]), axis=1)
            needed = needs_load if field == smp.REQUEST_RATE_PER_S else np.ones_like(needs_load)
            missing += number * (unseen & needed)
        never_together = (missing == 0) & ~np.isfinite(newest_s)
        return np.where(np.isfinite(newest_s), 0.0, missing + NEVER_TOGETHER * never_together)


def batch_of(recent: Recent, current: FloatArray) -> Batch:
    """The samples of each subject; current [B, 3] is in force.

    Infinite and negative values are gaps, and usage that no service can have.
    """
    sensible = np.isfinite(recent.values) & (recent.values >= 0) & ~_in_wrong_units(recent.values)
    raw: FloatArray = np.where(sensible, recent.values, np.nan)
    have_usage = _all_known(raw, smp.CPU_USAGE_M, smp.MEMORY_WORKING_SET_BYTES, smp.REPLICAS_READY)
    have_load = _all_known(raw, smp.REQUEST_RATE_PER_S)
    return Batch(
        raw=raw,
        samples=_filled(raw, current),
        known=have_usage.astype(np.float64),
        newest_s=_newest(have_usage, recent.end_s),
        load_s=_newest(have_load, recent.end_s),
        end_s=recent.end_s,
    )


def _in_wrong_units(values: FloatArray) -> Flags:
    """Which values [B, T, C] can only be in another unit than they should be.

    CPU in cores and memory in MiB look like a service that is nearly idle, on which one shrinks.
    """
    wrong: Flags = np.zeros(values.shape, dtype=np.bool_)
    rate_per_s = values[:, :, smp.REQUEST_RATE_PER_S]
    cpu_m = values[:, :, smp.CPU_USAGE_M]
    with np.errstate(invalid="ignore"):
        # Millicores over requests a second are milliseconds of CPU a request.
        wrong[:, :, smp.CPU_USAGE_M] = (rate_per_s >= 1.0) & (cpu_m < _LEAST_CPU_MS * rate_per_s)
        wrong[:, :, smp.MEMORY_WORKING_SET_BYTES] = (
            values[:, :, smp.MEMORY_WORKING_SET_BYTES] < _LEAST_MEMORY_BYTES
        )
    return wrong


def _all_known(raw: FloatArray, *fields: int) -> Flags:
    known = np.isfinite(raw[:, :, fields[0]])
    for field in fields[1:]:
        known &= np.isfinite(raw[:, :, field])
    return known


def _newest(known: Flags, end_s: FloatArray) -> FloatArray:
    """The time of the last known step [B], -inf where there is none."""
    back = np.argmax(known[:, ::-1], axis=1)
    return np.where(known.any(axis=1), end_s - back * STEP_S, -np.inf)


def _filled(raw: FloatArray, current: FloatArray) -> FloatArray:
    """Samples [B, T, M]: a gap is the last value, before the first the first, else what says least.

    Usage without any value is zero here; `known` says that it must not be decided on.
    """
    steps = raw.shape[1]
    finite = np.isfinite(raw)
    at = np.where(finite, np.arange(steps)[None, :, None], 0)
    last = np.maximum.accumulate(at, axis=1)
    first = np.argmax(finite, axis=1)[:, None, :]
    values = np.take_along_axis(raw, np.maximum(last, first), axis=1)
    samples = np.zeros((raw.shape[0], steps, smp.SAMPLE_COUNT))
    for field, dimension in _IN_FORCE:
        gap = np.isnan(values[:, :, field])
        values[:, :, field] = np.where(gap, current[:, None, dimension], values[:, :, field])
    ready = values[:, :, smp.REPLICAS_READY]
    values[:, :, smp.REPLICAS_READY] = np.where(
        np.isnan(ready), values[:, :, smp.REPLICAS_WANTED], ready
    )
    # A kill is an event, not a level: where nothing was counted there is none, not one more.
    for field in (smp.OOM_KILLS, smp.RESTARTS):
        values[:, :, field] = np.nan_to_num(raw[:, :, field])
    samples[:, :, : raw.shape[2]] = np.nan_to_num(values, copy=False, nan=0.0)
    samples[:, :, smp.READY_CPU_USAGE_M] = samples[:, :, smp.CPU_USAGE_M]
    samples[:, :, smp.EXACT_LATENCY_MS] = samples[:, :, smp.LATENCY_MS]
    samples[:, :, smp.EXACT_FAILED_RATIO] = samples[:, :, smp.ERROR_RATIO]
    return samples


def _largest(values: FloatArray) -> FloatArray:
    """The largest known of each row [B] of values [B, T], NaN where none is known."""
    most: FloatArray = np.where(np.isfinite(values), values, -np.inf).max(axis=1)
    return np.where(np.isfinite(most), most, np.nan)
