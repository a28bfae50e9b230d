"""Applications composed of measured segments: one composition, a real service and its simulation.

AWARE's synthetic applications are compositions of up to three function segments as well
(Qiu et al., "AWARE", USENIX ATC 2023, section 5).
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np

from components.cluster import parameters as par
from components.cluster.compiled import FloatArray
from components.cluster.parameters import MIB
from components.cluster.sample import STEP_S
from components.cluster.segments import (
    INTERPRETER_BYTES,
    REQUEST_CPU_MS,
    SEGMENTS,
    WAIT_KINDS,
)

MOST_SEGMENTS = 3
_WARM_UP_KIND = "json"
# Of the process without requests: its clock of one second.
_IDLE_CPU_M = 0.3
_TIMEOUT_MS = 5000.0
_OOM_RESTART_S = 10.0
_METRIC_NOISE = 0.02
_METRIC_DELAY_S = 7.5


@dataclass(frozen=True, slots=True)
class ComposedSegment:
    """One step of a request: units of CPU work, or for a wait its mean in ms.

    variability: squared coefficient of variation between requests.
    """

    kind: str
    amount: float
    variability: float

    @property
    def waits(self) -> bool:
        """Whether it waits instead of working."""
        return self.kind in WAIT_KINDS

    @property
    def cpu_ms(self) -> float:
        """Mean CPU of a request in it."""
        return SEGMENTS[self.kind].cpu_ms * (1.0 if self.waits else self.amount)


@dataclass(frozen=True, slots=True)
class Composition:
    """One application: up to three segments in order, and how a replica holds its requests."""

    segments: tuple[ComposedSegment, ...]
    concurrency: int = 16
    queue: int = 24
    base_memory_bytes: int = 12 * 2**20
    request_memory_bytes: int = 2**20
    memory_release_per_s: float = 0.2
    start_delay_s: float = 2.0
    warm_up_units: float = 600.0

    @property
    def name(self) -> str:
        """The kinds in order, such as json-network-hash."""
        return "-".join(segment.kind for segment in self.segments)

    def settings(self) -> dict[str, Any]:
        """The real service's settings, ready for JSON (images/synthetic_app/README.md)."""
        return {
            "name": self.name,
            "segments": [
                {
                    "kind": segment.kind,
                    "mean_ms" if segment.waits else "units": segment.amount,
                    "variability": segment.variability,
                }
                for segment in self.segments
            ],
            "concurrency": self.concurrency,
            "queue": self.queue,
            "base_memory_bytes": self.base_memory_bytes,
            "request_memory_bytes": self.request_memory_bytes,
            "memory_release_per_s": self.memory_release_per_s,
            "start_delay_s": self.start_delay_s,
            "warm_up_units": self.warm_up_units,
        }

    def parameters(self) -> FloatArray:
        """The simulator's parameters [P] of the same application, from the measured profiles."""
        row = par.neutral_row()
        demand_ms = REQUEST_CPU_MS + sum(segment.cpu_ms for segment in self.segments)
        spread = sum(
            segment.variability * segment.cpu_ms**2
            for segment in self.segments
            if not segment.waits
        )
        warm_up_s = 1e-3 * SEGMENTS[_WARM_UP_KIND].cpu_ms * self.warm_up_units
        row[par.SERVICE_DEMAND_MS] = demand_ms
        row[par.DEMAND_VARIABILITY] = spread / demand_ms**2
        row[par.WAIT_MS] = self.wait_ms
        row[par.WAIT_VARIABILITY] = self._wait_variance / max(self.wait_ms, 1e-9) ** 2
        row[par.PARALLELISM_CORES] = 1.0
        row[par.CONCURRENCY_LIMIT] = self.concurrency
        row[par.TIMEOUT_MS] = _TIMEOUT_MS
        row[par.IDLE_CPU_M] = _IDLE_CPU_M
        row[par.MEMORY_BASE_BYTES] = self.memory_bytes
        row[par.MEMORY_PER_REQUEST_BYTES] = self.request_memory_bytes
        row[par.MEMORY_RELEASE_PER_STEP] = 1.0 - (1.0 - self.memory_release_per_s) ** STEP_S
        row[par.STARTUP_S] = self.start_delay_s + warm_up_s
        row[par.STARTUP_CPU_M] = 1000.0 * warm_up_s / (self.start_delay_s + warm_up_s)
        row[par.RESIZE_DELAY_S] = 0.0
        row[par.RESIZE_RESTARTS] = 0.0
        row[par.OOM_RESTART_S] = _OOM_RESTART_S
        row[par.METRIC_NOISE] = _METRIC_NOISE
        row[par.METRIC_DELAY_S] = _METRIC_DELAY_S
        row[par.TAIL_FACTOR] = 1.0
        return par.clip_parameters(row)

    @property
    def wait_ms(self) -> float:
        """Mean time of a request that isn't CPU."""
        return sum(
            segment.amount + SEGMENTS[segment.kind].late_ms
            for segment in self.segments
            if segment.waits
        )

    @property
    def _wait_variance(self) -> float:
        """Variance, in ms^2, of that time: the part that was asked for varies."""
        return sum(
            segment.variability * segment.amount**2 for segment in self.segments if segment.waits
        )

    @property
    def memory_bytes(self) -> int:
        """Memory of a replica without requests."""
        kinds = {segment.kind for segment in self.segments} | {_WARM_UP_KIND}
        held = sum(SEGMENTS[kind].memory_bytes for kind in kinds)
        # The interpreter was measured with the warm-up's kind already loaded.
        held -= SEGMENTS[_WARM_UP_KIND].memory_bytes
        return INTERPRETER_BYTES + self.base_memory_bytes + held


def possible_kinds() -> list[tuple[str, ...]]:
    """Every choice of one to three different kinds of which one works at least."""
    return [
        kinds
        for count in range(1, MOST_SEGMENTS + 1)
        for kinds in combinations(SEGMENTS, count)
        if not all(kind in WAIT_KINDS for kind in kinds)
    ]


def compositions(rng: np.random.Generator, count: int) -> list[Composition]:
    """So many applications; no two of the same kinds until every choice of kinds was used."""
    choices = possible_kinds()
    order = [
        index for _ in range(-(-count // len(choices))) for index in rng.permutation(len(choices))
    ]
    return [_composed(rng, choices[index]) for index in order[:count]]


def _composed(rng: np.random.Generator, kinds: tuple[str, ...]) -> Composition:
    segments = tuple(_segment(rng, kinds[index]) for index in rng.permutation(len(kinds)))
    return Composition(
        segments,
        concurrency=int(rng.integers(8, 33)),
        base_memory_bytes=int(rng.uniform(4.0, 64.0) * MIB),
        request_memory_bytes=int(rng.uniform(0.1, 4.0) * MIB),
        memory_release_per_s=float(np.round(rng.uniform(0.02, 0.5), 3)),
        start_delay_s=float(np.round(rng.uniform(0.5, 8.0), 1)),
        warm_up_units=float(rng.integers(100, 2000)),
    )


def _segment(rng: np.random.Generator, kind: str) -> ComposedSegment:
    low, high = (4.0, 120.0) if kind in WAIT_KINDS else (3.0, 40.0)
    amount = float(np.round(np.exp(rng.uniform(np.log(low), np.log(high)))))
    return ComposedSegment(kind, amount, float(rng.choice([0.0, 0.2, 0.5, 1.0])))
