"""What one workload's series say in one stretch of time, so that stretches can be put together.

Every value of a piece depends on its own step alone, and counters are kept as readings. So it
doesn't matter how a time was cut into pieces: hours asked at once, or one after another as they
went by, give the same.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from components.metrics.counters import Reading, readings
from components.metrics.grid import Grid
from components.metrics.images import Running, running_in
from components.metrics.met import Met, together
from components.metrics.series import FloatArray, Measurement
from components.workload.telemetry import COLUMNS

# A piece's columns: the dataset's, with where counters were seen in place of what they rose by.
SEEN_RESTARTS, SEEN_OOM_EVENTS = "seen_restarts", "seen_oom_events"
PIECE_COLUMNS = (
    *(column for column in COLUMNS if column not in ("oom_kills", "restarts")),
    SEEN_RESTARTS,
    SEEN_OOM_EVENTS,
)


@dataclass(frozen=True, slots=True)
class Piece:
    """One workload on a piece of the grid.

    PIECE_COLUMNS [T], counters' readings, what was met, and which images ran when it changed.
    """

    grid: Grid
    columns: Mapping[str, FloatArray]
    readings: tuple[Reading, ...]
    met: Met
    images: tuple[Running, ...] = ()


def piece_of(measurements: Mapping[str, Measurement], grid: Grid, met: Met) -> Piece:
    """Return the piece that the measurements make."""
    measured = {name: _one_at_once(one, grid) for name, one in measurements.items()}
    columns = {
        "request_rate_per_s": _total(measured, "request_rate", grid),
        "latency_ms": _highest(measured, "latency", grid),
        "latency_p50_ms": _highest(measured, "latency_p50", grid),
        "cpu_usage_m": _total(measured, "cpu_usage", grid),
        "cpu_throttled_ratio": _throttled(measured, grid),
        "memory_working_set_bytes": _highest(_of_living_pods(measured, grid), "working_set", grid),
        "replicas_wanted": _highest(measured, "replicas_wanted", grid),
        "replicas_ready": _highest(measured, "replicas_ready", grid),
        "cpu_request_m": _mean(measured, "cpu_request", grid),
        "memory_request_bytes": _mean(measured, "memory_request", grid),
        "cpu_limit_m": _mean(measured, "cpu_limit", grid),
        "memory_limit_bytes": _mean(measured, "memory_limit", grid),
        SEEN_RESTARTS: _seen(measured, "restarts_total", grid),
        SEEN_OOM_EVENTS: _seen(measured, "oom_events_total", grid),
    }
    columns["error_ratio"] = _error_ratio(measured, columns["request_rate_per_s"], grid)
    images = running_in(measured.get("images"), grid)
    return Piece(grid, columns, _readings(measured, grid), met, images)


def met_in(measurements: Mapping[str, Measurement], grid: Grid, checked: Met) -> Met:
    """Return what was met in the measurements, beside what was checked."""
    at_once = {
        one.query.metric: int(_at_once(one, grid).max())
        for one in measurements.values()
        if _is_own(one) and len(one.rows) > 1
    }
    usage, latency = measurements.get("cpu_usage"), measurements.get("latency")
    return replace(
        checked,
        present=frozenset(measurements) - _without_buckets(latency, checked),
        invalid={name: one.invalid for name, one in measurements.items() if one.invalid},
        series_at_once={metric: count for metric, count in at_once.items() if count > 1},
        latency_units=frozenset(latency.units if latency else ()),
        pods=frozenset(usage.rows if usage else ()),
        errors_above_one=_passes_one(measurements.get("error_ratio")),
    )


def _passes_one(ratio: Measurement | None) -> bool:
    return ratio is not None and any((row > 1).any() for row in ratio.rows.values())


def _without_buckets(latency: Measurement | None, checked: Met) -> set[str]:
    """Return the latencies if only a histogram's count is there: that answers with NaN."""
    if latency is None or _is_own(latency) or checked.bucket_bounds_ms:
        return set()
    known = any(np.isfinite(row).any() for row in latency.rows.values())
    return set() if known else {"latency", "latency_p50"}


def joined(pieces: Sequence[Piece], grid: Grid) -> Piece:
    """Return the pieces, in order of time, as one on the grid; a step that none has is missing."""
    columns = {name: np.full(grid.steps, np.nan) for name in PIECE_COLUMNS}
    read: list[Reading] = []
    images: list[Running] = []
    met = Met()
    for piece in pieces:
        slots = grid.slots(piece.grid.times_ms)
        inside = (slots >= 0) & (slots < grid.steps)
        for name, column in columns.items():
            column[slots[inside]] = piece.columns[name][inside]
        read += piece.readings
        images += piece.images
        met = together(met, piece.met)
    return Piece(grid, columns, tuple(read), met, tuple(images))


def _one_at_once(measurement: Measurement, grid: Grid) -> Measurement:
    """Return a user's own query without the steps in which it gives more series than one."""
    if not _is_own(measurement) or len(measurement.rows) < 2:
        return measurement
    several = _at_once(measurement, grid) > 1
    rows = {name: np.where(several, np.nan, row) for name, row in measurement.rows.items()}
    return replace(measurement, rows=rows)


def _is_own(measurement: Measurement) -> bool:
    return measurement.query.by == "name" and not measurement.query.name_label


def _at_once(measurement: Measurement, grid: Grid) -> npt.NDArray[np.int64]:
    """Return how many series have a value in each step [T]."""
    count = np.zeros(grid.steps, dtype=np.int64)
    for row in measurement.rows.values():
        count += np.isfinite(row)
    return count


def _of_living_pods(measured: Mapping[str, Measurement], grid: Grid) -> dict[str, Measurement]:
    """Return the working sets without those of pods that kube-state-metrics no longer shows."""
    if "working_set" not in measured or "restarts_total" not in measured:
        return dict(measured)
    shown = measured["restarts_total"].rows
    blind = np.isnan(_seen(measured, "restarts_total", grid))
    nowhere = np.full(grid.steps, np.nan)
    rows = {
        pod: np.where(blind | np.isfinite(shown.get(pod, nowhere)), row, np.nan)
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
    # Row by row: numpy's own sum changes its order with the array's shape.
    total = np.zeros(grid.steps)
    for row in stacked:
        total += np.nan_to_num(row)
    return _where_present(total, stacked)


def _highest(measured: Mapping[str, Measurement], measure: str, grid: Grid) -> FloatArray:
    stacked = _stacked(measured, measure, grid)
    present = np.where(np.isfinite(stacked), stacked, -np.inf)
    return _where_present(present.max(axis=0, initial=-np.inf), stacked)


def _mean(measured: Mapping[str, Measurement], measure: str, grid: Grid) -> FloatArray:
    count = np.isfinite(_stacked(measured, measure, grid)).sum(axis=0)
    mean: FloatArray = _total(measured, measure, grid) / np.maximum(count, 1)
    return mean


def _seen(measured: Mapping[str, Measurement], measure: str, grid: Grid) -> FloatArray:
    """Return 0 where any series of the measure has a value, else NaN."""
    return _where_present(np.zeros(grid.steps), _stacked(measured, measure, grid))


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
    if "error_ratio" in measured or (
        "request_rate" in measured and _is_own(measured["request_rate"])
    ):
        return np.minimum(_highest(measured, "error_ratio", grid), 1.0)
    errors = np.nan_to_num(_total(measured, "error_rate", grid))
    ratio = np.divide(errors, rate_per_s, out=np.zeros_like(errors), where=rate_per_s > 0)
    return np.where(np.isnan(rate_per_s), np.nan, np.minimum(ratio, 1.0))


def _readings(measured: Mapping[str, Measurement], grid: Grid) -> tuple[Reading, ...]:
    """Return the counters' readings; a pod's OOM flag itself only where it has no restart counter.

    The flag says that a container's last end was a kill; that it rises is a kill then.
    """
    flags = measured["oom_terminated"].rows if "oom_terminated" in measured else {}
    found: list[Reading] = []
    for measure in ("restarts_total", "oom_events_total"):
        rows = measured[measure].rows if measure in measured else {}
        for pod in sorted(rows):
            of_pod = flags.get(pod) if measure == "restarts_total" else None
            found += readings(measure, pod, rows[pod], grid.times_ms, of_pod)
    counted = measured["restarts_total"].rows if "restarts_total" in measured else {}
    for pod in sorted(set(flags) - set(counted)):
        flag = np.nan_to_num(flags[pod])
        found += readings("oom_terminated", pod, flag, grid.times_ms)
    return tuple(found)
