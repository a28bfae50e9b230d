"""What a person should know of how a workload's series were, a sentence each (pure)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from components.metrics.met import Met
from components.workload.spec import Workload
from components.workload.telemetry import STEP_S

# Two steps: what is older was sampled late, or on a machine whose clock is behind.
OLD_SAMPLE_S = 2.0 * STEP_S


def saturated_steps(frame: pd.DataFrame, met: Met) -> int:
    """Return in how many steps the latency is the highest that its histogram can tell."""
    top_ms = max(met.bucket_bounds_ms, default=np.inf)
    return int((frame["latency_ms"] >= top_ms * (1 - 1e-9)).sum())


def remarks_on(workload: Workload, frame: pd.DataFrame, met: Met) -> Sequence[str]:
    """Return the remarks on replicas of Prometheus, old samples and the latency's buckets."""
    told = []
    if met.copies > 1:
        told.append(f"every series is there {met.copies:g} times (replicas): counted once")
    if met.sample_age_s > OLD_SAMPLE_S:
        told.append(
            f"container samples are {met.sample_age_s:.0f} s old when they are new: a node's clock"
            " is behind or its scrapes are late; values come that much later"
        )
    return told + _on_units(frame, met) + _on_buckets(workload, frame, met)


def _on_units(frame: pd.DataFrame, met: Met) -> list[str]:
    """Return doubts about the units of a user's own queries, which nothing states."""
    told = []
    if "ms (assumed)" in met.latency_units and frame["latency_ms"].max() < 1:
        told.append(
            "metrics.latency never reaches 1 ms, which it is taken to be in: multiply seconds by"
            " 1000"
        )
    if met.errors_above_one:
        told.append("metrics.error_ratio is above 1 and read as 1: divide per cent by 100")
    return told


def _on_buckets(workload: Workload, frame: pd.DataFrame, met: Met) -> list[str]:
    if not met.bucket_bounds_ms:
        return []
    told = []
    if met.lacks_infinity:
        told.append("the latency histogram has no +Inf bucket: its count stands in for it")
    if met.uneven_buckets:
        told.append(
            "the pods' latency histograms have different buckets: percentiles are taken over what"
            " they share and may be off"
        )
    top_ms = max(met.bucket_bounds_ms)
    if workload.slo.latency_ms > top_ms:
        told.append(
            f"the SLO of {workload.slo.latency_ms:g} ms is above the highest latency bucket"
            f" ({top_ms:g} ms): a violation can't be seen; add buckets"
        )
    if steps := saturated_steps(frame, met):
        told.append(
            f"latency is at or above the highest bucket ({top_ms:g} ms) in {steps} steps and reads"
            " as that; add buckets"
        )
    return told
