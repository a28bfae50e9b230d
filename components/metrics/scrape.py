"""Telemetry from a Prometheus: asks once a measure for all workloads, page by page."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

import numpy as np

from components.errors import UserError
from components.metrics.assemble import SOURCES, assemble
from components.metrics.grid import STEP_MS, Grid, pages
from components.metrics.queries import Query, container_queries, replica_queries, reset_query
from components.metrics.series import Measurement, Measurements, Series
from components.metrics.sources import Taken
from components.metrics.traffic import traffic_queries
from components.workload.spec import Workload

# Prometheus refuses more than 11,000 points a series; a day at a time bounds the memory too.
MOST_STEPS = 24 * 60 * 4
# Of many workloads an answer holds fewer steps, so that it stays within some hundred mebibytes.
MOST_WORKLOAD_STEPS = 1_000_000


class Client(Protocol):
    """What answers queries."""

    def over(self, query: str, page: Grid) -> list[Series]:
        """Return the series of a range query."""

    def at(self, query: str, time_ms: int) -> list[Series]:
        """Return the series of an instant query."""


def take_from_prometheus(
    client: Client,
    workloads: Sequence[Workload],
    grid: Grid,
    window_s: int,
    tell: Callable[[int, int, str], None],
) -> list[Taken]:
    """Return each workload's telemetry on the grid.

    `tell(done, total, what)` is called before every request. Raises UserError when no series of
    any workload is there, and what the client raises.
    """
    queries = queries_of(workloads, window_s)
    pieces = pages(grid, max(1, min(MOST_STEPS, MOST_WORKLOAD_STEPS // max(1, len(workloads)))))
    measurements = Measurements(workloads, grid)
    requests = (len(queries) + 1) * len(pieces)
    for page_index, page in enumerate(pieces):
        for query_index, query in enumerate(queries):
            tell(page_index * (len(queries) + 1) + query_index, requests, query.metric)
            measurements.add(query, client.over(query.text, page))
        reset = reset_query(workloads, page.steps * STEP_MS // 1000)
        measurements.add(reset, client.at(reset.text, page.last_ms))
    if not any(measurements.of(workload) for workload in workloads):
        raise UserError(
            f"Prometheus has no series of any of the {len(workloads)} workloads in this time;"
            " check start, end and the names in the workloads file"
        )
    return [taken_of(workload, measurements.of(workload), grid, queries) for workload in workloads]


def queries_of(workloads: Sequence[Workload], window_s: int) -> list[Query]:
    """Return the range queries, one a measure for all workloads."""
    return [
        *container_queries(workloads, window_s),
        *replica_queries(workloads),
        *traffic_queries(workloads, window_s),
    ]


def taken_of(
    workload: Workload, measured: dict[str, Measurement], grid: Grid, queries: Sequence[Query]
) -> Taken:
    """Return what the measurements of one workload make on the grid."""
    assembled = assemble(measured, grid)
    resets = measured["counter_resets"].rows.values() if "counter_resets" in measured else ()
    latency = measured.get("latency")
    unit = "ms"
    if latency and latency.query.scale != 1.0:
        unit = "ms (from seconds)"
    elif latency and not latency.query.name_label:
        unit = "ms (assumed)"
    return Taken(
        workload,
        assembled.frame,
        invalid=assembled.invalid,
        missing_series=_missing_series(workload, measured, queries),
        latency_unit=unit,
        counter_resets=int(sum(np.nansum(row) for row in resets)),
        notes=assembled.notes,
    )


def _missing_series(
    workload: Workload, measured: dict[str, Measurement], queries: Sequence[Query]
) -> dict[str, str]:
    """Return, by column, the series whose absence leaves the column empty."""
    metrics = {
        query.measure: query.metric for query in reversed(queries) if workload.key in query.keys
    }
    missing = {}
    for column, measures in SOURCES.items():
        # Errors and OOM kills are absent until the first: their absence says nothing.
        if column in ("error_ratio", "oom_kills") or measures[0] in measured:
            continue
        missing[column] = metrics.get(measures[0], f"metrics.{measures[0]} of the workloads file")
    return missing
