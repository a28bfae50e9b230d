"""One situation of a workload as every controller lived it, small enough to be drawn."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from components.cluster import limits as lim
from components.cluster import sample as smp
from components.cluster.compiled import FloatArray
from components.cluster.rollout import Rollout
from components.workload.spec import Workload
from components.workload.telemetry import STEP_S

_DIGITS = 4


def trace_entry(
    workload: Workload, rates: FloatArray, played: Mapping[str, Rollout]
) -> dict[str, Any]:
    """JSON values of the first situation: the measured rates [T] and what each controller did.

    {"slo_latency_ms", "time_s": [T], "rate": [T], "controllers": {name: {"replicas",
    "cpu_m", "memory_bytes", "latency_ms": [T]}}}; numbers have four digits.
    """
    steps = len(rates)
    return {
        "slo_latency_ms": workload.slo.latency_ms,
        "time_s": [step * STEP_S for step in range(steps)],
        "rate": _short(rates),
        "controllers": {name: _course(rollout) for name, rollout in played.items()},
    }


def _course(rollout: Rollout) -> dict[str, list[float]]:
    if rollout.samples is None or rollout.allocations is None:
        raise ValueError("the course was not kept")
    allocation, sample = rollout.allocations[0], rollout.samples[0]
    return {
        "replicas": _short(allocation[:, lim.REPLICAS]),
        "cpu_m": _short(allocation[:, lim.CPU_M]),
        "memory_bytes": _short(allocation[:, lim.MEMORY_BYTES]),
        "latency_ms": _short(sample[:, smp.EXACT_LATENCY_MS]),
    }


def _short(values: FloatArray) -> list[float]:
    return [float(f"{value:.{_DIGITS}g}") if math.isfinite(value) else 0.0 for value in values]
