"""Telemetry from a Prometheus, for a workload with or without a source for its traffic."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial

import numpy as np

from components.cluster.compiled import FloatArray
from components.cluster.telemetry_samples import MEASURED_COLUMNS
from components.metrics.assemble import columns_of
from components.metrics.grid import STEP_MS, Grid
from components.metrics.queries import Query, container_queries, replica_queries
from components.metrics.scrape import Client
from components.metrics.series import Measurements, Series
from components.metrics.streams import in_order
from components.metrics.traffic import traffic_queries
from components.recommender.block_columns import columns_of_all
from components.recommender.series_block import Block, Owners, block_of
from components.recommender.telemetry_source import STEPS, Recent, nothing_known
from components.workload.spec import Workload

_RATE_WINDOW_S = 60
_STREAMS = 4
# Several queries tell of the same: which one counts is decided for each workload and step.
_APART = ("promql", "opentelemetry")
# Names of pods that have gone are forgotten so often.
_ASKED_ANEW = 60
# What limits are is known from the cluster, and what a pod requests where nothing tells of it.
_NOT_ASKED = ("cpu_limit", "memory_limit")


@dataclass(slots=True)
class _Asking:
    """What is asked for some workloads, kept as long as they are the same.

    `apart`: the rows of those that are put together one by one.
    """

    workloads: list[Workload]
    queries: list[Query]
    owners: Owners
    apart: frozenset[int]
    asked: int = 0


@dataclass(slots=True)
class PrometheusSource:
    """Asks one query a measure for all workloads; a TelemetrySource.

    HPA and VPA need CPU and memory alone, so a workload whose traffic isn't known has a row too.
    """

    client: Client
    _asking: _Asking = field(default_factory=lambda: _asking_for([]))

    def recent(self, workloads: Sequence[Workload], now_s: float) -> Recent:
        """The last steps up to `now_s`; raises what the client raises."""
        if not workloads:
            return nothing_known(0)
        if self._asking.workloads != list(workloads) or self._asking.asked >= _ASKED_ANEW:
            self._asking = _asking_for(workloads)
        self._asking.asked += 1
        last_ms = int(1000 * now_s) // STEP_MS * STEP_MS
        grid = Grid(last_ms - STEP_MS * (STEPS - 1), STEPS)
        values = self._values(self._asking, grid)
        known = np.isfinite(values).any(axis=(1, 2))
        return Recent(values, np.where(known, last_ms / 1000, -np.inf))

    def _values(self, asking: _Asking, grid: Grid) -> FloatArray:
        measurements = Measurements(asking.workloads, grid)
        parts: dict[str, list[tuple[Query, Block]]] = {}
        tasks = [partial(self.client.over, query.text, grid) for query in asking.queries]
        answers = in_order(tasks, _STREAMS)
        for number, (query, series) in enumerate(zip(asking.queries, answers, strict=True)):
            if query.by == "name" and not query.name_label:
                measurements.add(query, series)
                continue
            owners = asking.owners.of(number, query, series, measurements)
            parts.setdefault(query.measure, []).append(
                (query, block_of(series, owners, query.scale, grid))
            )
            _add_apart(asking.apart, query, series, owners, measurements)
        blocks = {measure: (found[0][0], _joined(found)) for measure, found in parts.items()}
        names = asking.owners.names
        values = columns_of_all(blocks, names, len(asking.workloads), grid)
        for row in asking.apart:
            measured = measurements.of(asking.workloads[row])
            columns = columns_of(measured, grid) if measured else {}
            for field_, column in enumerate(MEASURED_COLUMNS):
                values[row, :, field_] = columns.get(column, np.nan)
        return values


def _asking_for(workloads: Sequence[Workload]) -> _Asking:
    metered = [
        item for item in workloads if item.metrics.source != "promql" or item.metrics.request_rate
    ]
    queries = [
        *container_queries(workloads, _RATE_WINDOW_S),
        *replica_queries(workloads),
        *traffic_queries(metered, _RATE_WINDOW_S),
    ]
    apart = {item.key for item in metered if item.metrics.source in _APART}
    return _Asking(
        list(workloads),
        [query for query in queries if query.measure not in _NOT_ASKED],
        Owners(list(workloads)),
        frozenset(row for row, item in enumerate(workloads) if item.key in apart),
    )


def _add_apart(
    apart: frozenset[int],
    query: Query,
    series: Sequence[Series],
    owners: Sequence[tuple[tuple[int, int], ...]],
    measurements: Measurements,
) -> None:
    if apart:
        measurements.add(
            query,
            (
                one
                for one, found in zip(series, owners, strict=True)
                if any(row in apart for row, _ in found)
            ),
        )


def _joined(found: Sequence[tuple[Query, Block]]) -> Block:
    """The blocks of one measure as one; each workload is in one of them, but for those apart."""
    if len(found) == 1:
        return found[0][1]
    blocks = [block for _, block in found]
    owners = np.concatenate([block.owners for block in blocks])
    order = np.argsort(owners, kind="stable")
    return Block(
        owners[order],
        np.concatenate([block.numbers for block in blocks])[order],
        np.concatenate([block.values for block in blocks])[order],
    )
