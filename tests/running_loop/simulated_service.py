"""A service in the simulator that has what the cluster in memory gives it, and its telemetry."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from components.cluster import sample as smp
from components.cluster.compiled import FloatArray
from components.cluster.limits import limits_of
from components.cluster.noise import no_noise
from components.cluster.reward import step_quality
from components.cluster.simulator import step
from components.cluster.state import initial_state
from components.cluster.telemetry_samples import MEASURED_COLUMNS
from components.kubernetes_api.client import Json
from components.recommender.telemetry_source import STEPS, Recent, recent_of
from components.workload.quantities import parse_cpu, parse_memory
from components.workload.spec import Workload
from components.workload.telemetry import COLUMNS

Frame = Callable[[pd.DataFrame, float], pd.DataFrame]


@dataclass
class SimulatedService:
    """One workload; `rate_per_s` is the load from now on.

    `noise`: chance of the steps to come [T, N], none after them. `requests`, `violated`: all
    requests so far, and those in steps that broke the objective.
    """

    workload: Workload
    parameters: FloatArray
    allocation: FloatArray
    rate_per_s: float
    noise: FloatArray | None = None
    rows: list[FloatArray] = field(default_factory=list)
    times_s: list[float] = field(default_factory=list)
    requests: float = 0.0
    violated: float = 0.0
    oom_kills: float = 0.0

    def __post_init__(self) -> None:
        self._limits = limits_of([self.workload])
        self._state = initial_state(
            self.parameters[None], self._limits, self.allocation[None], np.array([self.rate_per_s])
        )

    def advance(self, allocation: FloatArray, now_s: float) -> None:
        """15 s with an allocation [3]; `now_s` is their end."""
        self.allocation = allocation
        self._state, samples = step(
            self._state,
            self.parameters[None],
            self._limits,
            allocation[None],
            np.array([self.rate_per_s]),
            self._chance(),
        )
        sample = samples[0]
        _, violated, *_ = step_quality(sample, self._limits[0])
        self.requests += sample[smp.ARRIVED]
        self.violated += sample[smp.ARRIVED] * violated
        self.oom_kills += sample[smp.OOM_KILLS]
        self.rows.append(sample)
        self.times_s.append(now_s)

    def _chance(self) -> FloatArray:
        if self.noise is None or not len(self.noise):
            return no_noise(1, 1)[:, 0]
        drawn, self.noise = self.noise[:1], self.noise[1:]
        return drawn

    def frame(self) -> pd.DataFrame:
        """The telemetry of the last minutes, as it was measured."""
        rows = np.array(self.rows[-STEPS:])
        frame = pd.DataFrame({name: rows[:, at] for at, name in enumerate(MEASURED_COLUMNS)})
        for limit, request in (
            ("cpu_limit_m", "cpu_request_m"),
            ("memory_limit_bytes", "memory_request_bytes"),
        ):
            frame[limit] = frame[request]
        times = np.array(self.times_s[-STEPS:]) * 1000
        frame.insert(0, "time", pd.to_datetime(times // 15_000 * 15_000, unit="ms", utc=True))
        return frame[["time", *COLUMNS]]


@dataclass
class MeasuredService:
    """The recommender's telemetry source.

    `faults`: what is done to a frame on its way, in this order; one may raise, as a Prometheus that
    is down does.
    """

    service: SimulatedService
    faults: list[Frame] = field(default_factory=list)
    asked: int = 0

    def recent(self, workloads: Sequence[Workload], now_s: float) -> Recent:
        self.asked += 1
        frame = self.service.frame()
        for fault in self.faults:
            frame = fault(frame, now_s)
        return recent_of({item.key: frame for item in workloads}, workloads)


def allocation_of(pods: Sequence[Json], container: str) -> FloatArray:
    """What a workload has [3]: its pods, and the smallest of their sizes."""
    sizes = []
    for pod in pods:
        containers = {item["name"]: item for item in pod["spec"]["containers"]}
        sizes.append(containers[container]["resources"]["requests"])
    return np.array(
        [
            float(len(sizes)),
            float(min(parse_cpu(size["cpu"]) for size in sizes)),
            float(min(parse_memory(size["memory"]) for size in sizes)),
        ]
    )
