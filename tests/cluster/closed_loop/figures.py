"""What a course was worth, measured or simulated, by the same formula."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from components.cluster import sample as smp
from components.cluster.compiled import FloatArray
from components.cluster.limits import limits_of
from components.cluster.reward import (
    EPISODE_COUNT,
    EPISODE_FIELDS,
    INTERVAL_STEPS,
    REWARD_MEMORY_COUNT,
    RewardWeights,
    finish_totals,
    reward_one,
)
from components.cluster.telemetry_samples import telemetry_samples
from components.metrics.grid import Grid, grid_between
from components.metrics.prometheus import PrometheusClient
from components.metrics.scrape import pieces_of, queries_of, taken_of
from components.workload.spec import Workload
from tests.recorder.derive import RATE_WINDOW_S
from tests.recorder.load import BUCKETS_S, Ingress

_IN_FORCE = [smp.REPLICAS_WANTED, smp.CPU_REQUEST_M, smp.MEMORY_REQUEST_BYTES]


def measured_frame(url: str, workload: Workload, start_s: float, end_s: float) -> pd.DataFrame:
    """The workload's telemetry from the start to the end, in whole steps of 15 s."""
    grid = grid_between(int(1000 * (start_s + smp.STEP_S)), int(1000 * end_s))
    frame = frame_of(url, workload, grid, RATE_WINDOW_S)
    assert frame is not None, f"{workload.key} left no telemetry"
    return frame


def frame_of(url: str, workload: Workload, grid: Grid, window_s: int) -> pd.DataFrame | None:
    """What the Prometheus has of the workload on a grid, None where it has nothing."""
    pieces = pieces_of(PrometheusClient(url, 30.0), [workload], grid, window_s)
    return taken_of(workload, pieces[workload.key], queries_of([workload], window_s)).frame


def measured_figures(frame: pd.DataFrame, workload: Workload) -> dict[str, float]:
    """EPISODE_FIELDS of a frame, as the simulator counts them."""
    return figures_of(telemetry_samples(frame, workload)[0], workload)


def figures_of(samples: FloatArray, workload: Workload) -> dict[str, float]:
    """EPISODE_FIELDS of samples [T, M]."""
    limits = limits_of([workload])[0]
    totals, memory = np.zeros(EPISODE_COUNT), np.zeros(REWARD_MEMORY_COUNT)
    decisions = len(samples) // INTERVAL_STEPS
    assert decisions > 0, "a course has at least one interval of a minute"
    before = samples[0, _IN_FORCE]
    for index in range(decisions):
        rows = np.ascontiguousarray(samples[INTERVAL_STEPS * index : INTERVAL_STEPS * (index + 1)])
        requested = rows[-1, _IN_FORCE]
        reward_one(rows, limits, before, requested, memory, RewardWeights().row(), totals)
        before = requested
    finish_totals(totals, decisions, decisions * INTERVAL_STEPS)
    return dict(zip(EPISODE_FIELDS, map(float, totals), strict=True))


@dataclass(frozen=True, slots=True)
class Requests:
    """How many requests came, and how many failed or took longer than the objective's threshold."""

    total: int
    missed: int

    @classmethod
    def of(cls, ingress: Ingress, latency_ms: float) -> Requests:
        """Counts so far; the threshold is the end of a bucket."""
        within = BUCKETS_S.index(latency_ms / 1000) + 1
        good = sum(ingress.answers[200].counts[:within])
        total = sum(histogram.count for histogram in ingress.answers.values())
        return cls(total, total - good)

    def since(self, before: Requests) -> Requests:
        """What came after `before`."""
        return Requests(self.total - before.total, self.missed - before.missed)


def ranking(figures: Mapping[str, Mapping[str, float]], field: str = "reward") -> tuple[str, ...]:
    """The arms from best to worst."""
    return tuple(sorted(figures, key=lambda arm: -figures[arm][field]))


def means(metrics: FloatArray) -> dict[str, float]:
    """EPISODE_FIELDS, the mean over episodes [B, E]."""
    return dict(zip(EPISODE_FIELDS, map(float, metrics.mean(axis=0)), strict=True))
