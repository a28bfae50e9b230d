"""Telemetry frames of all workloads as one block of samples, and what they can be trusted for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from components.cluster import sample as smp
from components.cluster.compiled import FloatArray
from components.cluster.telemetry_samples import MEASURED_COLUMNS
from components.recommender.guard import Evidence
from components.recommender.subject import Subject
from components.workload.telemetry import STEP_S, times_ms

# Five minutes: enough for a rule that starts to see a rate and its trend.
STEPS = 20
# What is in force is known from the cluster, not from telemetry.
_IN_FORCE = ((smp.REPLICAS_WANTED, 0), (smp.CPU_REQUEST_M, 1), (smp.MEMORY_REQUEST_BYTES, 2))
_INTERVAL = 4
_COLUMNS = frozenset(("time", *MEASURED_COLUMNS))


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

    def evidence(self, row: int, now_s: float, needs_load: bool, unlike: bool) -> Evidence:
        """What the guard has to know of one row."""
        newest_s = float(self.newest_s[row])
        if needs_load:
            newest_s = min(newest_s, float(self.load_s[row]))
        recent = self.raw[row, -_INTERVAL:]
        return Evidence(
            age_s=now_s - newest_s,
            missing=not np.isfinite(newest_s),
            out_of_distribution=unlike,
            working_set_bytes=_largest(recent[:, smp.MEMORY_WORKING_SET_BYTES]),
            cpu_usage_m=_largest(recent[:, smp.CPU_USAGE_M]),
        )


def batch_of(
    frames: Mapping[str, pd.DataFrame], subjects: Sequence[Subject], current: FloatArray
) -> Batch:
    """The last STEPS rows of each subject's frame; a subject without a frame is all gaps.

    current [B, 3] is in force. Infinite and negative values are gaps. A frame that lacks a column
    or has no rows counts as absent.
    """
    raw = np.full((len(subjects), STEPS, len(MEASURED_COLUMNS)), np.nan)
    end_s = np.full(len(subjects), -np.inf)
    found = {
        row: frame
        for row, subject in enumerate(subjects)
        if (frame := frames.get(subject.workload.key)) is not None
        and len(frame)
        and _COLUMNS.issubset(frame.columns)
    }
    if found:
        _lay(raw, end_s, found)
    raw[~np.isfinite(raw) | (raw < 0)] = np.nan
    have_usage = _all_known(raw, smp.CPU_USAGE_M, smp.MEMORY_WORKING_SET_BYTES, smp.REPLICAS_READY)
    have_load = _all_known(raw, smp.REQUEST_RATE_PER_S)
    return Batch(
        raw=raw,
        samples=_filled(raw, current),
        known=have_usage.astype(np.float64),
        newest_s=_newest(have_usage, end_s),
        load_s=_newest(have_load, end_s),
        end_s=end_s,
    )


def _lay(raw: FloatArray, end_s: FloatArray, found: Mapping[int, pd.DataFrame]) -> None:
    """Puts the frames by row into raw [B, T, C], each at its end, and their last times."""
    # One frame of all: a column is then read once, not once for each workload.
    every = pd.concat(found.values(), ignore_index=True)
    lengths = np.array([len(frame) for frame in found.values()])
    back = np.concatenate([np.arange(length - 1, -1, -1) for length in lengths])
    kept = back < STEPS
    rows = np.repeat(np.fromiter(found, dtype=np.int64), lengths)
    for field, column in enumerate(MEASURED_COLUMNS):
        raw[rows[kept], STEPS - 1 - back[kept], field] = every[column].to_numpy()[kept]
    last = back == 0
    end_s[rows[last]] = times_ms(every)[last] / 1000


def _all_known(raw: FloatArray, *fields: int) -> np.ndarray[tuple[int, int], np.dtype[np.bool_]]:
    known = np.isfinite(raw[:, :, fields[0]])
    for field in fields[1:]:
        known &= np.isfinite(raw[:, :, field])
    return known


def _newest(
    known: np.ndarray[tuple[int, int], np.dtype[np.bool_]], end_s: FloatArray
) -> FloatArray:
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
    samples[:, :, : raw.shape[2]] = np.nan_to_num(values, copy=False, nan=0.0)
    samples[:, :, smp.READY_CPU_USAGE_M] = samples[:, :, smp.CPU_USAGE_M]
    samples[:, :, smp.EXACT_LATENCY_MS] = samples[:, :, smp.LATENCY_MS]
    samples[:, :, smp.EXACT_FAILED_RATIO] = samples[:, :, smp.ERROR_RATIO]
    return samples


def _largest(values: FloatArray) -> float:
    known = values[np.isfinite(values)]
    return float(known.max()) if known.size else float("nan")
