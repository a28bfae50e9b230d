"""Telemetry of a service whose every law is known, with what recordings have: correlated noise,
sizes that change every few minutes, incidents."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from components.cluster import parameters as par
from components.workload.spec import Bounds, MetricSource, Slo, Workload
from components.workload.telemetry import COLUMNS, STEP_S

FloatArray = npt.NDArray[np.float64]
MIB = 2.0**20

WORKLOAD = Workload(
    "shop",
    "checkout",
    "Deployment",
    "app",
    Slo(0.95, 200.0),
    Bounds(1, 6, 50, 600, 40 * 2**20, 384 * 2**20),
    MetricSource("istio"),
)


@dataclass(frozen=True, slots=True)
class Service:
    """What the service is; `correlation` and `noise` are of the logarithm of each measurement."""

    demand_ms: float = 7.0
    rate_per_s: float = 14.0
    memory_mib: float = 30.0
    latency_ms: float = 60.0
    correlation: float = 0.8
    noise: float = 0.04
    burst: float = 0.06
    day_steps: int = 96
    missing: float = 0.0
    start: str = "2026-01-01T00:00:00Z"
    columns: dict[str, float] = field(default_factory=dict)

    def parameters(self) -> FloatArray:
        """The twin's parameters [P] of the service."""
        parameters = par.neutral_row()
        for index, spec in enumerate(par.SERVICE_PARAMETERS[: par.EVERY_SERVICE_COUNT]):
            parameters[index] = np.sqrt(max(spec.low, 1e-9) * spec.high)
        parameters[par.SERVICE_DEMAND_MS] = self.demand_ms
        parameters[par.DEMAND_VARIABILITY] = 0.3
        parameters[par.WAIT_MS] = 20.0
        parameters[par.PARALLELISM_CORES] = 1.0
        parameters[par.CONCURRENCY_LIMIT] = 16.0
        parameters[par.IDLE_CPU_M] = 2.0
        parameters[par.MEMORY_BASE_BYTES] = self.memory_mib * MIB
        parameters[par.MEMORY_PER_REQUEST_BYTES] = 0.5 * MIB
        return par.clip_parameters(parameters)

    def slower(self, factor: float) -> Service:
        """The service with a build that needs so many times the CPU for a request."""
        return replace(self, demand_ms=self.demand_ms * factor, latency_ms=self.latency_ms * factor)


def telemetry(service: Service, rng: np.random.Generator, steps: int) -> pd.DataFrame:
    """A telemetry frame of so many steps: a day of 24 minutes, sizes held for 6 to 13 steps."""
    day = 2 * np.pi * (np.arange(steps) / service.day_steps + rng.random())
    level = 1.0 + 0.4 * np.sin(day)
    rate = service.rate_per_s * level * np.exp(_noise(rng, steps, 0.5, service.burst))
    replicas, cpu_m = _sizes(rng, steps, rate * service.demand_ms)
    # What a full pod can't serve waits: the rate is of answered requests.
    rate = np.minimum(rate, replicas * (cpu_m - 2.0) / service.demand_ms)
    usage = 2.0 * replicas + service.demand_ms * rate
    usage *= np.exp(_noise(rng, steps, service.correlation, service.noise))
    load = np.minimum(usage / (replicas * cpu_m), 0.97)
    latency = service.latency_ms * (1.0 + 0.3 * load / (1.0 - load))
    latency *= np.exp(_noise(rng, steps, service.correlation, 3 * service.noise))
    median = 0.5 * latency
    memory = service.memory_mib * MIB + 0.5 * MIB * rate * median / 1000.0 / replicas
    memory *= np.exp(_noise(rng, steps, 0.95, service.noise))
    values = dict.fromkeys(COLUMNS, np.zeros(steps)) | {
        "request_rate_per_s": rate,
        "latency_ms": latency,
        "latency_p50_ms": median,
        "cpu_usage_m": usage,
        "cpu_throttled_ratio": np.clip(2.0 * load - 1.2, 0.0, 1.0),
        "memory_working_set_bytes": memory,
        "replicas_wanted": replicas,
        "replicas_ready": replicas,
        "cpu_request_m": cpu_m,
        "cpu_limit_m": cpu_m,
        "memory_request_bytes": np.full(steps, 120 * MIB),
        "memory_limit_bytes": np.full(steps, 120 * MIB),
    }
    values |= {name: np.full(steps, value) for name, value in service.columns.items()}
    frame = pd.DataFrame({name: values[name] for name in COLUMNS})
    frame = frame.mask(rng.random(frame.shape) < service.missing)
    times = pd.date_range(service.start, periods=steps, freq=f"{STEP_S}s", unit="ms")
    frame.insert(0, "time", times)
    return frame


def _noise(
    rng: np.random.Generator, steps: int, correlation: float, deviation: float
) -> FloatArray:
    """A stationary AR(1) series."""
    shocks = rng.normal(0.0, deviation * np.sqrt(1 - correlation**2), steps)
    noise = np.empty(steps)
    noise[0] = rng.normal(0.0, deviation)
    for step in range(1, steps):
        noise[step] = correlation * noise[step - 1] + shocks[step]
    return noise


def _sizes(
    rng: np.random.Generator, steps: int, demand_m: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Replicas and CPU a pod: one to four pods with 0.8 to 3 times the demand of the moment."""
    replicas, cpu_m = np.empty(steps), np.empty(steps)
    step = 0
    while step < steps:
        held = slice(step, step + int(rng.integers(6, 14)))
        pods = int(rng.integers(1, 5))
        provision = float(np.exp(rng.uniform(np.log(0.8), np.log(3.0))))
        replicas[held] = pods
        cpu_m[held] = max(50.0, provision * float(demand_m[step]) / pods)
        step = held.stop
    return replicas, cpu_m
