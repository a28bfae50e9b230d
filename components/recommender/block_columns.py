"""Columns of telemetry for all workloads from blocks of series: what `assemble` does for one.

| column                   | of a workload's series, in each step                               |
|--------------------------|--------------------------------------------------------------------|
| rate, CPU                | their sum                                                          |
| latency, memory, replicas| the highest; memory only of pods that kube-state-metrics shows     |
| requests                 | their mean                                                         |
| throttling, errors       | a ratio of two sums, at most 1                                     |
| OOM kills, restarts      | 0 where every counter stands still; else as `assemble` counts them |
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from components.cluster.compiled import FloatArray
from components.cluster.telemetry_samples import MEASURED_COLUMNS
from components.metrics.assemble import columns_of
from components.metrics.grid import Grid
from components.metrics.queries import Query
from components.metrics.series import Measurement
from components.recommender.series_block import Block, Rows
from components.recommender.telemetry_batch import Flags

Blocks = Mapping[str, tuple[Query, Block]]
COUNTERS = ("restarts_total", "oom_events_total", "oom_terminated")


def columns_of_all(blocks: Blocks, names: Sequence[str], count: int, grid: Grid) -> FloatArray:
    """Values [count, T, C] in the order of MEASURED_COLUMNS, NaN where nothing was measured.

    blocks: a query and its series by measure; names: what the series' numbers stand for.
    """
    shape = (count, grid.steps)

    def total(measure: str) -> FloatArray:
        return _gathered(blocks, measure, shape, np.add, 0.0)

    def highest(measure: str) -> FloatArray:
        return _gathered(blocks, measure, shape, np.maximum, -np.inf)

    rate = total("request_rate")
    columns = {
        "request_rate_per_s": rate,
        "error_ratio": _ratio(np.nan_to_num(total("error_rate")), rate),
        "latency_ms": highest("latency"),
        "latency_p50_ms": highest("latency_p50"),
        "cpu_usage_m": total("cpu_usage"),
        "cpu_throttled_ratio": _ratio(
            np.nan_to_num(total("throttled_periods")), total("cfs_periods")
        ),
        "memory_working_set_bytes": _gathered(
            _of_living_pods(blocks, shape, len(names)), "working_set", shape, np.maximum, -np.inf
        ),
        "replicas_wanted": highest("replicas_wanted"),
        "replicas_ready": highest("replicas_ready"),
        "cpu_request_m": _mean(blocks, "cpu_request", shape),
        "memory_request_bytes": _mean(blocks, "memory_request", shape),
    }
    columns |= _counted(blocks, names, shape, grid)
    return np.stack([columns[column] for column in MEASURED_COLUMNS], axis=2)


def _gathered(
    blocks: Blocks,
    measure: str,
    shape: tuple[int, int],
    together: np.ufunc,
    nothing: float,
) -> FloatArray:
    """The series of each workload put together [B, T], NaN where none has a value."""
    gathered = np.full(shape, np.nan)
    block = blocks[measure][1] if measure in blocks else None
    if block is None or not len(block.owners):
        return gathered
    starts, finite = block.starts, np.isfinite(block.values)
    values = together.reduceat(np.where(finite, block.values, nothing), starts, axis=0)
    seen = np.logical_or.reduceat(finite, starts, axis=0)
    gathered[block.owners[starts]] = np.where(seen, values, np.nan)
    return gathered


def _mean(blocks: Blocks, measure: str, shape: tuple[int, int]) -> FloatArray:
    if measure not in blocks:
        return np.full(shape, np.nan)
    query, block = blocks[measure]
    present = Block(block.owners, block.numbers, np.isfinite(block.values).astype(np.float64))
    count = _gathered({measure: (query, present)}, measure, shape, np.add, 0.0)
    mean: FloatArray = _gathered(blocks, measure, shape, np.add, 0.0) / np.fmax(count, 1.0)
    return mean


def _ratio(part: FloatArray, whole: FloatArray) -> FloatArray:
    """The part of the whole, at most 1; 0 where that is 0, NaN where it isn't known."""
    ratio = np.divide(part, whole, out=np.zeros_like(part), where=whole > 0)
    return np.where(np.isnan(whole), np.nan, np.minimum(ratio, 1.0))


def _of_living_pods(blocks: Blocks, shape: tuple[int, int], numbers: int) -> Blocks:
    """The working sets without those of pods that kube-state-metrics no longer shows."""
    if "working_set" not in blocks or "restarts_total" not in blocks:
        return blocks
    query, block = blocks["working_set"]
    counters = blocks["restarts_total"][1]
    shown = np.zeros((numbers, shape[1]), dtype=np.bool_)
    shown[counters.numbers] = np.isfinite(counters.values)
    blind: Flags = np.isnan(_gathered(blocks, "restarts_total", shape, np.add, 0.0))
    living = np.logical_or(shown[block.numbers], blind[block.owners])
    values = np.where(living, block.values, np.nan)
    return {"working_set": (query, Block(block.owners, block.numbers, values))}


def _counted(
    blocks: Blocks, names: Sequence[str], shape: tuple[int, int], grid: Grid
) -> dict[str, FloatArray]:
    """Restarts and OOM kills [B, T]."""
    seen = {name: 0.0 * _gathered(blocks, name, shape, np.add, 0.0) for name in COUNTERS}
    flagged = np.zeros(shape[0], dtype=np.bool_)
    counted = np.zeros(shape[0], dtype=np.bool_)
    for measure, found in (("oom_terminated", flagged), ("restarts_total", counted)):
        if measure in blocks:
            found[blocks[measure][1].owners] = True
    told = np.where((flagged & ~counted)[:, None], 0.0, seen["restarts_total"])
    has_events: Flags = np.any(np.isfinite(seen["oom_events_total"]), axis=1)
    columns = {
        "restarts": seen["restarts_total"],
        "oom_kills": np.where(has_events[:, None], seen["oom_events_total"], told),
    }
    for row in np.flatnonzero(_moved(blocks, shape[0])).tolist():
        exact = columns_of(_counters_of(blocks, names, row), grid)
        for column, values in columns.items():
            values[row] = exact[column]
    return columns


def _moved(blocks: Blocks, count: int) -> Flags:
    """Whose counters [B] moved, or began later than their first with something counted."""
    moved = np.zeros(count, dtype=np.bool_)
    for measure in COUNTERS:
        if measure not in blocks:
            continue
        block = blocks[measure][1]
        values = np.nan_to_num(block.values) if measure == "oom_terminated" else block.values
        finite = np.isfinite(values)
        most = np.where(finite, values, -np.inf).max(axis=1, initial=-np.inf)
        least = np.where(finite, values, np.inf).min(axis=1, initial=np.inf)
        began = np.argmax(finite, axis=1)
        firsts = np.full(count, finite.shape[1])
        np.minimum.at(firsts, block.owners, np.where(finite.any(axis=1), began, finite.shape[1]))
        late = (began > firsts[block.owners]) & (most > 0)
        moved[block.owners[(most > least) | late]] = True
    return moved


def _counters_of(blocks: Blocks, names: Sequence[str], row: int) -> dict[str, Measurement]:
    """One workload's counters, as `assemble` reads them."""
    found = {}
    for measure in COUNTERS:
        if measure in blocks:
            query, block = blocks[measure]
            mine: Rows = np.flatnonzero(block.owners == row)
            if len(mine):
                rows = {names[block.numbers[place]]: block.values[place] for place in mine}
                found[measure] = Measurement(query, rows)
    return found
