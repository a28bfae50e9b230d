"""Telemetry files: same frame, same bytes; every fault in one line."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from components.errors import UserError
from components.workload.spec import Bounds, MetricSource, Slo, Workload
from components.workload.telemetry import (
    COLUMNS,
    STEP_S,
    read_telemetry,
    split,
    telemetry_bytes,
    telemetry_file,
)


def _frame(rows: int = 8) -> pd.DataFrame:
    times = pd.date_range("2026-01-01T00:00:15Z", periods=rows, freq=f"{STEP_S}s", unit="ms")
    values = {
        column: np.arange(rows, dtype=np.float64) + index for index, column in enumerate(COLUMNS)
    }
    frame = pd.DataFrame({"time": times, **values})
    frame.loc[2, "latency_ms"] = np.nan
    return frame


def _written(folder: Path, frame: pd.DataFrame) -> Path:
    path = folder / "a.parquet"
    frame.to_parquet(path)
    return path


def test_a_frame_survives_writing_and_reading(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    path.write_bytes(telemetry_bytes(_frame()))
    read = read_telemetry(path)
    pd.testing.assert_frame_equal(read, _frame())
    assert str(read["time"].dtype) == "datetime64[ms, UTC]"
    assert np.isnan(read.loc[2, "latency_ms"])


def test_the_same_frame_gives_the_same_bytes() -> None:
    assert telemetry_bytes(_frame()) == telemetry_bytes(_frame().copy())


def test_bytes_do_not_depend_on_the_order_of_columns() -> None:
    assert telemetry_bytes(_frame()[["time", *reversed(COLUMNS)]]) == telemetry_bytes(_frame())


def test_whole_numbers_are_read_as_floats(tmp_path: Path) -> None:
    frame = _frame().assign(replicas_wanted=3)
    assert read_telemetry(_written(tmp_path, frame))["replicas_wanted"].dtype == np.float64


@pytest.mark.parametrize(
    ("frame", "what"),
    [
        (_frame().drop(columns=["cpu_usage_m"]), "lacks the column cpu_usage_m"),
        (_frame().iloc[:0], "has no rows"),
        (_frame().assign(error_ratio="none"), "column error_ratio is"),
        (_frame().iloc[[0, 2, 1, 3]], "row 1 is 30 s after"),
        (_frame().iloc[[0, 1, 1, 2]], "row 2 is 0 s after"),
        (_frame().assign(time=np.arange(8)), "time is int64; write a timestamp"),
        (_frame().assign(time=[pd.NaT, *_frame()["time"][1:]]), "has empty rows"),
    ],
)
def test_a_wrong_table_is_refused_in_one_line(
    tmp_path: Path, frame: pd.DataFrame, what: str
) -> None:
    with pytest.raises(UserError, match=what) as caught:
        read_telemetry(_written(tmp_path, frame))
    assert "a.parquet" in str(caught.value)


@pytest.mark.parametrize("kept", [0, 3, 400])
def test_a_truncated_file_is_refused(tmp_path: Path, kept: int) -> None:
    path = tmp_path / "a.parquet"
    path.write_bytes(telemetry_bytes(_frame())[:kept])
    with pytest.raises(UserError, match="no complete Parquet file"):
        read_telemetry(path)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"no telemetry at .*absent\.parquet"):
        read_telemetry(tmp_path / "absent.parquet")


def test_a_split_holds_out_the_last_third_after_whole_minutes() -> None:
    training, held_out = split(_frame(14))
    assert len(training) == 8
    assert len(held_out) == 6
    assert held_out["time"].iloc[0] - training["time"].iloc[-1] == pd.Timedelta(seconds=15)
    assert list(held_out.index) == list(range(6))


def test_too_few_rows_to_split_are_refused() -> None:
    with pytest.raises(ValueError, match="5 rows are too few"):
        split(_frame(5))


def test_a_file_is_named_by_namespace_and_name() -> None:
    workload = Workload(
        "shop", "cart", "Deployment", "app", Slo(0.9, 1), Bounds(1, 1, 1, 1, 1, 1), MetricSource("")
    )
    assert telemetry_file(Path("data"), workload) == Path("data/shop/cart.parquet")
