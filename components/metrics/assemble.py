"""From measurements on the grid to the telemetry columns of one workload (pure)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from components.metrics.counters import increases
from components.metrics.grid import Grid
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


def assemble(measurements: Mapping[str, Measurement], grid: Grid) -> Assembled:
    """Return the frame of one workload; a column without series is all NaN."""
    measured = _unambiguous(measurements)
    notes = [
        f"{one.query.metric} returns {len(one.rows)} series; aggregate them to one"
        for measure, one in sorted(measurements.items())
        if measure not in measured
    ]
    columns = _columns(measured, grid)
    notes += _requests_from_limits(columns)
    invalid = {
        column: count
        for column, measures in SOURCES.items()
        if (count := sum(measured[name].invalid for name in measures if name in measured))
    }
    return Assembled(frame_of(columns, grid), invalid, tuple(notes))


def columns_of(measurements: Mapping[str, Measurement], grid: Grid) -> dict[str, FloatArray]:
    """Return the columns [T] of one workload, for one who needs no frame and no notes."""
    columns = _columns(_unambiguous(measurements), grid)
    _requests_from_limits(columns)
    return columns


def _unambiguous(measurements: Mapping[str, Measurement]) -> dict[str, Measurement]:
    return {measure: one for measure, one in measurements.items() if not _is_ambiguous(one)}


def _columns(measured: Mapping[str, Measurement], grid: Grid) -> dict[str, FloatArray]:
    columns = {
        "request_rate_per_s": _total(measured, "request_rate", grid),
        "latency_ms": _highest(measured, "latency", grid),
        "latency_p50_ms": _highest(measured, "latency_p50", grid),
        "cpu_usage_m": _total(measured, "cpu_usage", grid),
        "cpu_throttled_ratio": _throttled(measured, grid),
        "memory_working_set_bytes": _highest(_of_living_pods(measured), "working_set", grid),
        "replicas_wanted": _highest(measured, "replicas_wanted", grid),
        "replicas_ready": _highest(measured, "replicas_ready", grid),
        "cpu_request_m": _mean(measured, "cpu_request", grid),
        "memory_request_bytes": _mean(measured, "memory_request", grid),
        "cpu_limit_m": _mean(measured, "cpu_limit", grid),
        "memory_limit_bytes": _mean(measured, "memory_limit", grid),
        "restarts": _increase(measured, "restarts_total", grid),
    }
    columns["error_ratio"] = _error_ratio(measured, columns["request_rate_per_s"], grid)
    columns["oom_kills"] = _oom_kills(measured, columns["restarts"], grid)
    return columns


def frame_of(columns: Mapping[str, FloatArray], grid: Grid) -> pd.DataFrame:
    """Return the telemetry frame of the columns [T] on the grid."""
    times = pd.Series(grid.times_ms.astype("datetime64[ms]")).dt.tz_localize("UTC")
    return pd.DataFrame({"time": times, **{column: columns[column] for column in COLUMNS}})


def _is_ambiguous(measurement: Measurement) -> bool:
    return (
        not measurement.query.name_label
        and measurement.query.by == "name"
        and (len(measurement.rows) > 1)
    )


def _of_living_pods(measured: Mapping[str, Measurement]) -> dict[str, Measurement]:
    """Return the working sets without those of pods that kube-state-metrics no longer shows."""
    if "working_set" not in measured or "restarts_total" not in measured:
        return dict(measured)
    known = measured["restarts_total"].rows
    rows = {
        pod: np.where(np.isnan(known[pod]), np.nan, row) if pod in known else row
        for pod, row in measured["working_set"].rows.items()
    }
    return {"working_set": replace(measured["working_set"], rows=rows)}


def _stacked(measured: Mapping[str, Measurement], measure: str, grid: Grid) -> FloatArray:
    """Return the measure's rows [series, T] in the order of their names; [0, T] without any."""
    rows = measured[measure].rows if measure in measured else {}
    # A sum depends on its order in the last bit: the same data must give the same bytes.
    return np.array([rows[name] for name in sorted(rows)]).reshape(len(rows), grid.steps)


def _where_present(values: FloatArray, stacked: FloatArray) -> FloatArray:
    return np.where(np.isfinite(stacked).any(axis=0), values, np.nan)


def _total(measured: Mapping[str, Measurement], measure: str, grid: Grid) -> FloatArray:
    stacked = _stacked(measured, measure, grid)
    return _where_present(np.nansum(stacked, axis=0), stacked)


def _highest(measured: Mapping[str, Measurement], measure: str, grid: Grid) -> FloatArray:
    stacked = _stacked(measured, measure, grid)
    present = np.where(np.isfinite(stacked), stacked, -np.inf)
    return _where_present(present.max(axis=0, initial=-np.inf), stacked)


def _mean(measured: Mapping[str, Measurement], measure: str, grid: Grid) -> FloatArray:
    stacked = _stacked(measured, measure, grid)
    count = np.maximum(np.isfinite(stacked).sum(axis=0), 1)
    return _where_present(np.nansum(stacked, axis=0) / count, stacked)


def _increase(measured: Mapping[str, Measurement], measure: str, grid: Grid) -> FloatArray:
    stacked = _stacked(measured, measure, grid)
    return _where_present(increases(stacked).sum(axis=0), stacked)


def _throttled(measured: Mapping[str, Measurement], grid: Grid) -> FloatArray:
    """Return the throttled share of the CFS periods; 0 in a step in which no period ran."""
    periods = _total(measured, "cfs_periods", grid)
    throttled = np.nan_to_num(_total(measured, "throttled_periods", grid))
    ratio = np.divide(throttled, periods, out=np.zeros_like(periods), where=periods > 0)
    # Two extrapolated rates: their ratio may pass 1 by a little.
    return np.where(np.isnan(periods), np.nan, np.minimum(ratio, 1.0))


def _error_ratio(
    measured: Mapping[str, Measurement], rate_per_s: FloatArray, grid: Grid
) -> FloatArray:
    """Return the user's own ratio, or errors over requests; no error series means no error yet."""
    if "error_ratio" in measured:
        return np.minimum(_highest(measured, "error_ratio", grid), 1.0)
    if "request_rate" in measured and not measured["request_rate"].query.name_label:
        return np.full(grid.steps, np.nan)
    errors = np.nan_to_num(_total(measured, "error_rate", grid))
    ratio = np.divide(errors, rate_per_s, out=np.zeros_like(errors), where=rate_per_s > 0)
    return np.where(np.isnan(rate_per_s), np.nan, np.minimum(ratio, 1.0))


def _oom_kills(measured: Mapping[str, Measurement], restarts: FloatArray, grid: Grid) -> FloatArray:
    """Return OOM kills a step, from cAdvisor's counter or kube-state-metrics' flags.

    cAdvisor's counter can vanish with the container that was killed, kube-state-metrics only flags
    that a container's last end was a kill; so the one that tells of more is believed.
    """
    flagged = _flagged_kills(measured, restarts, grid)
    if "oom_events_total" not in measured:
        return flagged
    counted = _increase(measured, "oom_events_total", grid)
    return counted if np.nansum(counted) >= np.nansum(flagged) else flagged


def _flagged_kills(
    measured: Mapping[str, Measurement], restarts: FloatArray, grid: Grid
) -> FloatArray:
    """Return restarts in steps that show the flag; a flag without a restart counter counts once."""
    flags = measured["oom_terminated"].rows if "oom_terminated" in measured else {}
    counters = measured["restarts_total"].rows if "restarts_total" in measured else {}
    if not flags and not counters:
        return np.full(grid.steps, np.nan)
    names = sorted(counters)
    rises = dict(zip(names, increases(_stacked(measured, "restarts_total", grid)), strict=True))
    kills = np.zeros(grid.steps)
    for pod in sorted(flags):
        flag = flags[pod] > 0
        begins = (flag & ~np.concatenate([[True], flag[:-1]])).astype(np.float64)
        kills += np.where(flag, rises[pod], 0.0) if pod in rises else begins
    return np.where(np.isnan(restarts), np.nan, kills) if counters else kills


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
