"""From the pieces of one workload to the dataset's columns (pure)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from components.metrics.counters import Rise, rises
from components.metrics.grid import Grid
from components.metrics.met import Met
from components.metrics.piece import SEEN_OOM_EVENTS, SEEN_RESTARTS, Piece, piece_of
from components.metrics.series import FloatArray, Measurement
from components.workload.telemetry import COLUMNS

# Which measures a column is made of; the first is the one that it can't be made without.
SOURCES: dict[str, tuple[str, ...]] = {
    "request_rate_per_s": ("request_rate",),
    "error_ratio": ("error_ratio", "error_rate"),
    "latency_ms": ("latency",),
    "latency_p50_ms": ("latency_p50",),
    "cpu_usage_m": ("cpu_usage",),
    "cpu_throttled_ratio": ("cfs_periods", "throttled_periods"),
    "memory_working_set_bytes": ("working_set",),
    "replicas_wanted": ("replicas_wanted",),
    "replicas_ready": ("replicas_ready",),
    "cpu_request_m": ("cpu_request",),
    "memory_request_bytes": ("memory_request",),
    "cpu_limit_m": ("cpu_limit",),
    "memory_limit_bytes": ("memory_limit",),
    "oom_kills": ("oom_terminated", "oom_events_total"),
    "restarts": ("restarts_total",),
}


@dataclass(frozen=True, slots=True)
class Assembled:
    """A workload's telemetry frame, and what was done to get it (column to count or words)."""

    frame: pd.DataFrame
    invalid: dict[str, int]
    notes: tuple[str, ...]


def assemble(piece: Piece) -> Assembled:
    """Return the frame of one workload; a column without series is all NaN."""
    columns = _columns(piece)
    notes = [
        f"{metric} returns {count} series at once; aggregate them to one"
        for metric, count in sorted(piece.met.series_at_once.items())
    ]
    notes += _requests_from_limits(columns)
    invalid = {
        column: count
        for column, measures in SOURCES.items()
        if (count := sum(piece.met.invalid.get(name, 0) for name in measures))
    }
    return Assembled(frame_of(columns, piece.grid), invalid, tuple(notes))


def columns_of(measurements: Mapping[str, Measurement], grid: Grid) -> dict[str, FloatArray]:
    """Return the columns [T] of one workload, for one who needs no frame and no notes."""
    columns = _columns(piece_of(measurements, grid, Met(present=frozenset(measurements))))
    _requests_from_limits(columns)
    return columns


def frame_of(columns: Mapping[str, FloatArray], grid: Grid) -> pd.DataFrame:
    """Return the telemetry frame of the columns [T] on the grid."""
    times = pd.Series(grid.times_ms.astype("datetime64[ms]")).dt.tz_localize("UTC")
    return pd.DataFrame({"time": times, **{column: columns[column] for column in COLUMNS}})


def _columns(piece: Piece) -> dict[str, FloatArray]:
    read = {
        measure: rises(one for one in piece.readings if one.measure == measure)
        for measure in ("restarts_total", "oom_events_total", "oom_terminated")
    }
    columns = dict(piece.columns)
    seen_restarts, seen_events = columns.pop(SEEN_RESTARTS), columns.pop(SEEN_OOM_EVENTS)
    columns["restarts"] = _placed(read["restarts_total"], piece.grid) + seen_restarts
    flagged = [one for one in read["restarts_total"] if one.flagged] + read["oom_terminated"]
    kills = _placed(flagged, piece.grid) + _flags_seen(piece.met, seen_restarts)
    events = _placed(read["oom_events_total"], piece.grid) + seen_events
    columns["oom_kills"] = _told_of_more(events, kills)
    return columns


def _placed(found: list[Rise], grid: Grid) -> FloatArray:
    """Return the rises [T], each at its step."""
    placed = np.zeros(grid.steps)
    slots = grid.slots(np.array([one.time_ms for one in found], dtype=np.int64))
    inside = (slots >= 0) & (slots < grid.steps)
    np.add.at(placed, slots[inside], np.array([one.by for one in found])[inside])
    return placed


def _flags_seen(met: Met, seen_restarts: FloatArray) -> FloatArray:
    """Return 0 where kube-state-metrics would have told of a kill, else NaN."""
    if "oom_terminated" in met.present and "restarts_total" not in met.present:
        return np.zeros_like(seen_restarts)
    return seen_restarts


def _told_of_more(events: FloatArray, flagged: FloatArray) -> FloatArray:
    """Return OOM kills a step, from cAdvisor's counter or kube-state-metrics' flags.

    cAdvisor's counter can vanish with the container that was killed, kube-state-metrics only flags
    that a container's last end was a kill; so the one that tells of more is believed.
    """
    if np.isnan(events).all():
        return flagged
    return events if np.nansum(events) >= np.nansum(flagged) else flagged


def _requests_from_limits(columns: dict[str, FloatArray]) -> list[str]:
    """Fill a request that isn't set with the limit, as Kubernetes itself does."""
    notes = []
    for request, limit in (
        ("cpu_request_m", "cpu_limit_m"),
        ("memory_request_bytes", "memory_limit_bytes"),
    ):
        absent = np.isnan(columns[request]) & np.isfinite(columns[limit])
        if np.isnan(columns[request]).all() and absent.any():
            columns[request] = columns[limit].copy()
            notes.append(f"{request} isn't set: taken from the limit, as Kubernetes does")
    return notes
