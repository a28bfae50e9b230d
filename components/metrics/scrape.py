"""Telemetry from a Prometheus: asks once a measure for all workloads, several at a time."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Protocol

from components.metrics.assemble import SOURCES, assemble
from components.metrics.checks import check_queries, checked
from components.metrics.grid import STEP_MS, Grid
from components.metrics.images import new_images
from components.metrics.met import Met
from components.metrics.piece import Piece, met_in, piece_of
from components.metrics.queries import Query, container_queries, image_query, replica_queries
from components.metrics.remarks import remarks_on, saturated_steps
from components.metrics.series import Measurements, Series
from components.metrics.sources import Taken
from components.metrics.streams import in_order
from components.metrics.traffic import traffic_queries
from components.workload.spec import Workload

STREAMS = 4
# Only this says whether a server knows native histograms; one without any answers with nothing.
_NATIVE_PROBE = "histogram_count(up)"


class Server(Protocol):
    """What can be asked whether it knows a function."""

    def knows(self, query: str) -> bool:
        """Return whether the query is understood."""


class Client(Protocol):
    """What answers queries; threads share it."""

    def over(self, query: str, page: Grid) -> list[Series]:
        """Return the series of a range query."""

    def at(self, query: str, time_ms: int) -> list[Series]:
        """Return the series of an instant query."""


def has_native_histograms(server: Server, workloads: Sequence[Workload]) -> bool:
    """Return whether the server knows native histograms, if any workload could have one."""
    sources = {workload.metrics.source for workload in workloads}
    return "opentelemetry" in sources and server.knows(_NATIVE_PROBE)


def queries_of(workloads: Sequence[Workload], window_s: int, native: bool = False) -> list[Query]:
    """Return the range queries, one a measure for all workloads."""
    return [
        *container_queries(workloads, window_s),
        image_query(workloads, window_s),
        *replica_queries(workloads, window_s),
        *traffic_queries(workloads, window_s, native),
    ]


def pieces_of(
    client: Client,
    workloads: Sequence[Workload],
    grid: Grid,
    window_s: int,
    *,
    native: bool = False,
    streams: int = STREAMS,
    tell: Callable[[str], None] = lambda _: None,
) -> dict[str, Piece]:
    """Return what a Prometheus says of each workload on the grid, by key.

    The grid must fit one answer (11,000 steps). `tell(metric)` is called before each answer is
    read. Raises what the client raises.
    """
    queries = queries_of(workloads, window_s, native)
    checks = check_queries(workloads, window_s, grid.steps * STEP_MS // 1000)
    measurements = Measurements(workloads, grid)
    tasks = [partial(client.over, query.text, grid) for query in queries]
    tasks += [partial(client.at, query.text, grid.last_ms) for query in checks]
    answers = in_order(tasks, streams)
    for query in queries:
        tell(query.metric)
        measurements.add(query, next(answers))
    met = checked(measurements, [(query, next(answers)) for query in checks])
    pieces = {}
    for workload in workloads:
        measured = measurements.of(workload)
        found = met_in(measured, grid, met.get(workload.key, Met()))
        pieces[workload.key] = piece_of(measured, grid, found)
    return pieces


def taken_of(workload: Workload, piece: Piece, queries: Sequence[Query]) -> Taken:
    """Return what a piece makes of one workload; the queries say what could have been there."""
    assembled = assemble(piece)
    met = piece.met
    return Taken(
        workload,
        assembled.frame,
        invalid=assembled.invalid,
        missing_series=_missing_series(workload, met, queries),
        latency_unit=" and ".join(sorted(met.latency_units)) or "ms",
        counter_resets=met.counter_resets,
        pods=len(met.pods),
        copies=met.copies,
        sample_age_s=round(met.sample_age_s, 1),
        new_images=tuple(
            time_ms for time_ms in new_images(piece.images) if time_ms >= piece.grid.first_ms
        ),
        saturated_steps=saturated_steps(assembled.frame, met),
        notes=(*assembled.notes, *remarks_on(workload, assembled.frame, met)),
    )


def _missing_series(workload: Workload, met: Met, queries: Sequence[Query]) -> Mapping[str, str]:
    """Return, by column, the series whose absence leaves the column empty."""
    metrics = {
        query.measure: query.metric for query in reversed(queries) if workload.key in query.keys
    }
    missing = {}
    for column, measures in SOURCES.items():
        # Errors and OOM kills are absent until the first: their absence says nothing.
        if column in ("error_ratio", "oom_kills") or measures[0] in met.present:
            continue
        missing[column] = metrics.get(measures[0], f"metrics.{measures[0]} of the workloads file")
    return missing
