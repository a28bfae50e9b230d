"""Telemetry from a folder: workloads.yaml and <namespace>/<name>.parquet."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from components.errors import UserError
from components.ingestion.config import IngestionConfig, parse_time
from components.metrics.assemble import frame_of
from components.metrics.grid import grid_around
from components.metrics.sources import Taken
from components.workload.spec import Workload, load_workloads
from components.workload.telemetry import COLUMNS, STEP_S, read_columns, telemetry_file, times_ms

WORKLOADS_FILE = "workloads.yaml"
MOST_DAYS = 366


def workloads_of_folder(config: IngestionConfig) -> tuple[Workload, ...]:
    """Return the workloads that the folder's own file, or the config's, lists.

    Raises UserError for a missing or empty folder and what load_workloads refuses.
    """
    folder = Path(config.telemetry)
    if not folder.is_dir():
        raise UserError(f"{folder} is no folder; give one with telemetry of workloads")
    try:
        empty = not any(folder.iterdir())
    except OSError as error:
        raise UserError(f"can't read {folder}: {error.strerror}; check its permissions") from error
    if empty:
        raise UserError(f"folder {folder} is empty; record telemetry into it first")
    path = Path(config.workloads) if config.workloads else folder / WORKLOADS_FILE
    return load_workloads(path)


def take_from_folder(config: IngestionConfig, workload: Workload) -> Taken:
    """Return the workload's telemetry between the config's start and end, on the grid.

    Raises UserError for a file that is broken; one that is absent is the workload's problem.
    """
    path = telemetry_file(Path(config.telemetry), workload)
    if not path.exists():
        return Taken(workload, None, problem=f"no telemetry: {path} is absent")
    rows = read_columns(path)
    start, end = parse_time("start", config.start), parse_time("end", config.end)
    if start:
        rows = rows[rows["time"] >= pd.Timestamp(start)]
    if end:
        rows = rows[rows["time"] <= pd.Timestamp(end)]
    if rows.empty:
        return Taken(workload, None, problem=f"{path} has no row between start and end")
    return lay_on_grid(workload, rows, path)


def lay_on_grid(workload: Workload, rows: pd.DataFrame, path: Path) -> Taken:
    """Return the rows on the grid: sorted, each at its nearest step, the last of a step's rows.

    Infinite and negative values become missing and are counted, as are rows that share a step.
    """
    rows = rows.sort_values("time", kind="stable")
    times = times_ms(rows)
    grid = grid_around(int(times[0]), int(times[-1]))
    if grid.steps > MOST_DAYS * 24 * 240:
        raise UserError(f"{path} spans more than {MOST_DAYS} days; correct its times")
    slots = grid.slots(times)
    columns, invalid = {}, {}
    for column in COLUMNS:
        values = rows[column].to_numpy(dtype=np.float64, copy=True)
        wrong = np.isinf(values) | (values < 0)
        if wrong.any():
            invalid[column] = int(wrong.sum())
            values[wrong] = np.nan
        columns[column] = np.full(grid.steps, np.nan)
        columns[column][slots] = values
    return Taken(
        workload,
        frame_of(columns, grid),
        invalid=invalid,
        missing_series={
            column: f"column {column} of {path.name}"
            for column, values in columns.items()
            if np.isnan(values).all()
        },
        duplicates=len(slots) - len(np.unique(slots)),
        notes=_step_note(times),
    )


def _step_note(times: npt.NDArray[np.int64]) -> tuple[str, ...]:
    """Say so where the rows are regularly further apart than the grid's steps."""
    apart_s = float(np.median(np.diff(times))) / 1000 if times.size > 1 else STEP_S
    if apart_s < 1.5 * STEP_S:
        return ()
    return (f"rows are {apart_s:g} s apart; record at {STEP_S} s",)
