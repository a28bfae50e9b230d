"""Rows that a fitted twin hasn't seen: what was measured, what it predicts, what it covers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from components.cluster import sample as smp
from components.cluster.compiled import FloatArray
from components.cluster.limits import limits_of
from components.cluster.replay import replay
from components.cluster.twin import ERROR_NAMES, Twin
from components.cluster.twin_ensemble import fit_twin
from components.cluster.twin_evidence import Evidence, evidence_of
from components.workload.spec import Workload

QUANTITIES = ("cpu", "memory", "latency_p50", "latency", "throughput")


@dataclass(frozen=True, slots=True)
class HeldOut:
    """One workload: measured and predicted [T, 5] as QUANTITIES, NaN where it doesn't count.

    covered [T, 4] as ERROR_NAMES: 1 where measured is in its 90 % interval, NaN where unknown.
    repeat [4]: how far two rows side by side differ, by the median of the logarithms over the
    root of two: what no model that sees the minute's load alone could take away.
    """

    key: str
    measured: FloatArray
    predicted: FloatArray
    covered: FloatArray
    repeat: FloatArray


def held_out_of(
    workload: Workload, training: pd.DataFrame, held_out: pd.DataFrame
) -> tuple[HeldOut, Twin]:
    """Fit to the training rows, predict the held-out ones."""
    twin = fit_twin(training, held_out, workload, np.random.default_rng(0))
    evidence = evidence_of(held_out, workload)
    samples = evidence.samples
    predicted = replay(twin.members[0], limits_of([workload])[0], samples)
    rate = samples[:, smp.REQUEST_RATE_PER_S]
    served = rate * (1.0 - samples[:, smp.ERROR_RATIO])
    measured = np.column_stack([evidence.measured, served])
    counted = np.column_stack([evidence.usable, evidence.usable.any(axis=1) & (served > 0.0)])
    measured = np.where(counted, measured, np.nan)
    covered = np.full((len(samples), len(ERROR_NAMES)), np.nan)
    for column, name in enumerate(ERROR_NAMES):
        if name in twin.intervals:
            low, high = twin.intervals[name]
            off = measured[:, column] / predicted[:, column]
            inside = (off >= low) & (off <= high)
            covered[:, column] = np.where(np.isfinite(off), inside, np.nan)
    return HeldOut(workload.key, measured, predicted, covered, repeats(evidence)), twin


def repeats(evidence: Evidence) -> FloatArray:
    """Median difference by logarithm of rows side by side with the same allocation, [4]."""
    steps = np.full(len(ERROR_NAMES), np.nan)
    for column in range(len(ERROR_NAMES)):
        both = evidence.usable[1:, column] & evidence.usable[:-1, column]
        if both.any():
            logs = np.log(np.maximum(evidence.measured[:, column], 1e-9))
            steps[column] = np.median(np.abs(np.diff(logs)[both])) / np.sqrt(2.0)
    return steps


def errors_of(measured: FloatArray, predicted: FloatArray) -> FloatArray:
    """Median relative error of each column; NaN where nothing was measured."""
    relative = np.abs(predicted / measured - 1.0)
    return np.array(
        [np.median(known) if (known := each[np.isfinite(each)]).size else np.nan
         for each in relative.T]
    )  # fmt: skip


def mean_known(values: FloatArray) -> float:
    """Mean of what isn't NaN; NaN of nothing."""
    known = values[np.isfinite(values)]
    return float(known.mean()) if known.size else float("nan")


def joined(rows: list[HeldOut]) -> HeldOut:
    """Rows of one workload that different fits left out, as one."""
    return HeldOut(
        rows[0].key,
        *(
            np.concatenate([getattr(row, field) for row in rows])
            for field in ("measured", "predicted", "covered")
        ),
        np.median([row.repeat for row in rows], axis=0),
    )
