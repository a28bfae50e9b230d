"""What a workload's telemetry shows, prepared for fitting: rows that count, and what varied."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from components.cluster import sample as smp
from components.cluster.compiled import FloatArray
from components.cluster.telemetry_samples import telemetry_samples
from components.workload.spec import Workload

BoolArray = npt.NDArray[np.bool_]

# Rates and quantiles are taken over a window; the rows after a change show both allocations.
SETTLING_STEPS = 2
MEASURED = ("cpu_usage_m", "memory_working_set_bytes", "latency_p50_ms", "latency_ms")
MEASURED_FIELDS = (
    smp.CPU_USAGE_M,
    smp.MEMORY_WORKING_SET_BYTES,
    smp.LATENCY_P50_MS,
    smp.LATENCY_MS,
)
_ALLOCATION = ("replicas_wanted", "replicas_ready", "cpu_request_m", "memory_request_bytes")


@dataclass(frozen=True, slots=True)
class Evidence:
    """samples [T, M] without gaps, and which of MEASURED was measured and settled: [T, 4]."""

    samples: FloatArray
    usable: BoolArray

    @property
    def measured(self) -> FloatArray:
        """The values [T, 4] in the order of MEASURED."""
        values: FloatArray = self.samples[:, MEASURED_FIELDS]
        return values


def evidence_of(frame: pd.DataFrame, workload: Workload) -> Evidence:
    """Telemetry as evidence: a row counts when load and allocation are known and settled."""
    samples, _ = telemetry_samples(with_limits(frame), workload)
    known = frame[["request_rate_per_s", *_ALLOCATION[1:]]].notna().all(axis=1).to_numpy()
    serving = (samples[:, smp.REQUEST_RATE_PER_S] > 0.0) & (samples[:, smp.REPLICAS_READY] > 0.0)
    rows = known & serving & settled(samples)
    present = frame[list(MEASURED)].to_numpy(dtype=np.float64)
    return Evidence(samples, rows[:, None] & np.isfinite(present) & (present > 0.0))


def with_limits(frame: pd.DataFrame) -> pd.DataFrame:
    """The frame with limits in place of requests where they are known: they are what throttles."""
    return frame.assign(
        cpu_request_m=frame["cpu_limit_m"].fillna(frame["cpu_request_m"]),
        memory_request_bytes=frame["memory_limit_bytes"].fillna(frame["memory_request_bytes"]),
    )


def settled(samples: FloatArray) -> BoolArray:
    """Rows [T] without a change of allocation, a start or a restart in them or just before."""
    fields = [smp.REPLICAS_WANTED, smp.REPLICAS_READY, smp.CPU_REQUEST_M, smp.MEMORY_REQUEST_BYTES]
    values = samples[:, fields]
    disturbed: BoolArray = np.any(np.diff(values, axis=0, prepend=values[:1]) != 0.0, axis=1)
    disturbed |= samples[:, smp.RESTARTS] > 0.0
    disturbed |= samples[:, smp.REPLICAS_WANTED] != samples[:, smp.REPLICAS_READY]
    calm: BoolArray = ~disturbed
    for _ in range(SETTLING_STEPS):
        calm[1:] &= ~disturbed[:-1]
        disturbed = np.concatenate([disturbed[:1], disturbed[:-1]])
    return calm


def spread(values: FloatArray) -> float:
    """Logarithm of the 95th over the 5th percentile of positive values; 0 with fewer than eight."""
    positive = values[values > 0.0]
    if positive.size < 8:
        return 0.0
    low, high = np.quantile(positive, [0.05, 0.95])
    return float(np.log(high / low))


def identified(evidence: Evidence) -> dict[str, bool]:
    """Which parameters the telemetry varied enough to tell, by name.

    Arrivals' bursts and stalls look like a variable demand, retries like a higher rate, and no
    series shows drains, scheduling or the nodes' room: these stay neutral unless someone who
    knows sets them.
    """
    samples, usable = evidence.samples, evidence.usable
    rows = samples[usable[:, 0]]
    per_pod = rows[:, smp.REQUEST_RATE_PER_S] / np.maximum(rows[:, smp.REPLICAS_READY], 1.0)
    load = rows[:, smp.CPU_USAGE_M] / np.maximum(
        rows[:, smp.REPLICAS_READY] * rows[:, smp.CPU_REQUEST_M], 1.0
    )
    busy = samples[usable[:, 2]][:, smp.CONCURRENCY]
    replicas_differ = np.unique(rows[:, smp.REPLICAS_READY]).size > 1
    return {
        "service_demand_ms": rows.shape[0] >= 8,
        "idle_cpu_m": replicas_differ and spread(per_pod) > 0.3,
        "demand_variability": bool(usable[:, 3].sum() >= 8) and spread(load) > 0.3,
        "wait_ms": bool(usable[:, 2].sum() >= 8) and spread(load) > 0.3,
        "wait_variability": bool(usable[:, 3].sum() >= 8) and waits_mostly(samples[usable[:, 2]]),
        "parallelism_cores": bool(rows.size) and float(rows[:, smp.CPU_REQUEST_M].max()) > 1000.0,
        "concurrency_limit": bool(np.any(samples[:, smp.ERROR_RATIO] > 0.01)),
        "memory_base_bytes": bool(usable[:, 1].sum() >= 8),
        "memory_per_request_bytes": bool(usable[:, 1].sum() >= 8) and spread(busy) > 0.5,
        "startup_s": starts(samples).size > 0,
        "resize_restarts": bool(resizes(samples).any()),
        "timeout_ms": bool(np.any(samples[:, smp.ERROR_RATIO] > 0.01)),
    }


def waits_mostly(rows: FloatArray) -> bool:
    """Whether more than half of the fastest medians isn't CPU: only then the wait's shape shows."""
    if len(rows) < 8:
        return False
    fastest_ms = np.quantile(rows[:, smp.LATENCY_P50_MS], 0.1)
    work_ms = np.median(
        rows[:, smp.CPU_USAGE_M] / np.maximum(rows[:, smp.REQUEST_RATE_PER_S], 1e-3)
    )
    return bool(fastest_ms > 2.0 * work_ms)


def starts(samples: FloatArray) -> FloatArray:
    """Seconds from each increase of the wanted replicas to all of them ready: [number seen]."""
    wanted, ready = samples[:, smp.REPLICAS_WANTED], samples[:, smp.REPLICAS_READY]
    seconds = []
    for step in np.flatnonzero(np.diff(wanted) > 0.0) + 1:
        lasting = wanted[step:] == wanted[step]
        until = int(np.argmin(lasting)) if not lasting.all() else lasting.size
        reached = np.flatnonzero(ready[step : step + until] >= wanted[step])
        if reached.size:
            seconds.append(smp.STEP_S * (reached[0] + 0.5))
    return np.array(seconds)


def resizes(samples: FloatArray) -> BoolArray:
    """Rows [T] in which the size changed while the replicas stayed."""
    size = samples[:, [smp.CPU_REQUEST_M, smp.MEMORY_REQUEST_BYTES]]
    changed = np.any(np.diff(size, axis=0, prepend=size[:1]) != 0.0, axis=1)
    wanted = samples[:, smp.REPLICAS_WANTED]
    same: BoolArray = changed & (np.diff(wanted, prepend=wanted[:1]) == 0.0)
    return same
