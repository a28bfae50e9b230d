"""The telemetry of one workload: its columns, its file, its checks, its split by time.

| column                    | unit      | over the pods | meaning of one 15 s step             |
|---------------------------|-----------|---------------|--------------------------------------|
| time                      | ms, UTC   |               | end of the step                      |
| request_rate_per_s        | 1/s       | sum           | requests                             |
| error_ratio               | 0 to 1    |               | failed share of the requests         |
| latency_ms                | ms        |               | latency at the SLO's percentile      |
| latency_p50_ms            | ms        |               | median latency                       |
| cpu_usage_m               | millicores| sum           | CPU used                             |
| cpu_throttled_ratio       | 0 to 1    |               | throttled share of the CFS periods   |
| memory_working_set_bytes  | bytes     | max           | working set                          |
| replicas_wanted, _ready   | pods      |               | spec and ready                       |
| cpu_request_m, _limit_m   | millicores| per pod       | request and limit                    |
| memory_request_bytes, ... | bytes     | per pod       | request and limit                    |
| oom_kills, restarts       | count     | sum           | increase in the step                 |
"""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from components.errors import UserError
from components.workload.spec import Workload

STEP_S = 15
COLUMNS: tuple[str, ...] = (
    "request_rate_per_s",
    "error_ratio",
    "latency_ms",
    "latency_p50_ms",
    "cpu_usage_m",
    "cpu_throttled_ratio",
    "memory_working_set_bytes",
    "replicas_wanted",
    "replicas_ready",
    "cpu_request_m",
    "memory_request_bytes",
    "cpu_limit_m",
    "memory_limit_bytes",
    "oom_kills",
    "restarts",
)
_SCHEMA = pa.schema(
    [pa.field("time", pa.timestamp("ms", tz="UTC"), nullable=False)]
    + [pa.field(column, pa.float64()) for column in COLUMNS]
)
_STEPS_PER_MINUTE = 60 // STEP_S


def telemetry_file(folder: Path, workload: Workload) -> Path:
    """Return where the folder keeps the workload's telemetry."""
    return folder / workload.namespace / f"{workload.name}.parquet"


def read_columns(path: Path) -> pd.DataFrame:
    """Return the file's `time` and COLUMNS as float64, in the file's own order of rows.

    Raises UserError for a missing, truncated or empty file, a missing column and a wrong type.
    """
    try:
        table = pq.read_table(path, partitioning=None)
    except FileNotFoundError as error:
        raise UserError(f"no telemetry at {path}; record or ingest this workload first") from error
    except (OSError, pa.ArrowException) as error:
        raise UserError(f"{path} is no complete Parquet file; write it again") from error
    missing = [name for name in ("time", *COLUMNS) if name not in table.column_names]
    if missing:
        raise UserError(f"{path} lacks the column {', '.join(missing)}; add it (NaN if unknown)")
    if table.num_rows == 0:
        raise UserError(f"{path} has no rows; record or ingest this workload again")
    time_type = table.schema.field("time").type
    if not (pa.types.is_timestamp(time_type) and time_type.tz):
        raise UserError(f"{path}: column time is {time_type}; write a timestamp with a time zone")
    for column in COLUMNS:
        kind = table.schema.field(column).type
        if not (pa.types.is_floating(kind) or pa.types.is_integer(kind) or pa.types.is_null(kind)):
            raise UserError(f"{path}: column {column} is {kind}; write numbers")
    if table.column("time").null_count:
        raise UserError(f"{path}: column time has empty rows; give every row its time")
    try:
        return telemetry_frame(table.select(list(_SCHEMA.names)).cast(_SCHEMA))
    except pa.ArrowInvalid as error:
        raise UserError(f"{path}: values that don't fit the columns ({error})") from error


def read_telemetry(path: Path) -> pd.DataFrame:
    """Return the file's telemetry frame: RangeIndex, `time` and COLUMNS, on a 15 s grid.

    Raises UserError as read_columns does, and for times that are unsorted, repeated or off the
    grid.
    """
    frame = read_columns(path)
    steps_ms = np.diff(times_ms(frame))
    wrong = np.flatnonzero(steps_ms != STEP_S * 1000)
    if wrong.size:
        row = int(wrong[0]) + 1
        raise UserError(
            f"{path}: row {row} is {steps_ms[wrong[0]] / 1000:g} s after the one before, not"
            f" {STEP_S} s; ingest it to put it on the grid"
        )
    return frame


def times_ms(frame: pd.DataFrame) -> npt.NDArray[np.int64]:
    """Return the frame's times [T] in milliseconds since 1970, UTC."""
    return np.asarray(frame["time"].dt.as_unit("ms").astype(np.int64), dtype=np.int64)


def telemetry_bytes(frame: pd.DataFrame) -> bytes:
    """Return the frame as Parquet; the same frame gives the same bytes."""
    table = pa.Table.from_pandas(
        frame[["time", *COLUMNS]], schema=_SCHEMA, preserve_index=False
    ).replace_schema_metadata(None)
    buffer = io.BytesIO()
    pq.write_table(table, buffer, compression="zstd", version="2.6", use_dictionary=False)
    return buffer.getvalue()


def telemetry_frame(table: pa.Table) -> pd.DataFrame:
    """Return a table of the schema as a frame in which a missing value is NaN."""
    frame = pd.DataFrame(
        {column: table.column(column).to_numpy(zero_copy_only=False) for column in COLUMNS},
        dtype=np.float64,
    )
    times = table.column("time").cast(pa.timestamp("ms")).to_numpy()
    frame.insert(0, "time", pd.Series(times).dt.as_unit("ms").dt.tz_localize("UTC"))
    return frame


def split(frame: pd.DataFrame, held_out_share: float = 1 / 3) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the earlier rows for training and the later ones held out.

    The training part is a whole number of minutes long (a multiple of four rows).

    Raises ValueError if either part would be empty.
    """
    cut = round(len(frame) * (1 - held_out_share)) // _STEPS_PER_MINUTE * _STEPS_PER_MINUTE
    if not 0 < cut < len(frame):
        raise ValueError(f"{len(frame)} rows are too few to hold out {held_out_share:.0%}")
    return frame.iloc[:cut].reset_index(drop=True), frame.iloc[cut:].reset_index(drop=True)
