"""Telemetry from a Prometheus, for a workload with or without a source for its traffic."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from components.cluster.telemetry_samples import MEASURED_COLUMNS
from components.metrics.assemble import columns_of
from components.metrics.grid import STEP_MS, Grid
from components.metrics.queries import container_queries, replica_queries
from components.metrics.scrape import Client
from components.metrics.series import Measurements
from components.metrics.traffic import traffic_queries
from components.recommender.telemetry_source import STEPS, Recent, nothing_known
from components.workload.spec import Workload

_RATE_WINDOW_S = 60


@dataclass(frozen=True, slots=True)
class PrometheusSource:
    """Asks one query a measure for all workloads; a TelemetrySource.

    HPA and VPA need CPU and memory alone, so a workload whose traffic isn't known has a row too.
    """

    client: Client

    def recent(self, workloads: Sequence[Workload], now_s: float) -> Recent:
        """The last steps up to `now_s`; raises what the client raises."""
        recent = nothing_known(len(workloads))
        if not workloads:
            return recent
        last_ms = int(1000 * now_s) // STEP_MS * STEP_MS
        grid = Grid(last_ms - STEP_MS * (STEPS - 1), STEPS)
        metered = [
            item
            for item in workloads
            if item.metrics.source != "promql" or item.metrics.request_rate
        ]
        queries = [
            *container_queries(workloads, _RATE_WINDOW_S),
            *replica_queries(workloads),
            *traffic_queries(metered, _RATE_WINDOW_S),
        ]
        measurements = Measurements(workloads, grid)
        for query in queries:
            measurements.add(query, self.client.over(query.text, grid))
        for row, workload in enumerate(workloads):
            measured = measurements.of(workload)
            if measured:
                columns = columns_of(measured, grid)
                for field, column in enumerate(MEASURED_COLUMNS):
                    recent.values[row, :, field] = columns[column]
        recent.end_s[:] = np.where(
            np.isfinite(recent.values).any(axis=(1, 2)), last_ms / 1000, -np.inf
        )
        return recent
