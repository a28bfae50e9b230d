"""Ingestion from a folder: what is put right, what is refused, what is left out."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from components.errors import UserError
from components.ingestion.config import IngestionConfig
from components.ingestion.stage import IngestionSummary, run
from components.progress import Progress
from components.workload.spec import Bounds, MetricSource, Slo, Workload, dump_workloads
from components.workload.telemetry import COLUMNS, read_telemetry, telemetry_bytes

ROWS = 40


def _frame() -> pd.DataFrame:
    times = pd.date_range("2026-01-01T00:00:00Z", periods=ROWS, freq="15s", unit="ms")
    columns = {column: np.full(ROWS, 1.0 + index) for index, column in enumerate(COLUMNS)}
    columns["cpu_throttled_ratio"] = np.where(np.arange(ROWS) < 5, 0.5, 0.0)
    columns["oom_kills"] = np.where(np.arange(ROWS) == 7, 1.0, 0.0)
    columns["restarts"] = columns["oom_kills"]
    return pd.DataFrame({"time": times, **columns})


def _folder(root: Path, frames: dict[str, pd.DataFrame | None]) -> Path:
    folder = root / "telemetry"
    bounds = Bounds(1, 4, 50, 500, 2**20, 2**28)
    workloads = []
    for name, frame in frames.items():
        slo, metrics = Slo(0.95, 100.0), MetricSource("istio")
        workloads.append(Workload("shop", name, "Deployment", "app", slo, bounds, metrics))
        path = folder / "shop" / f"{name}.parquet"
        path.parent.mkdir(parents=True, exist_ok=True)
        if frame is not None:
            frame.to_parquet(path)
    (folder / "workloads.yaml").write_text(dump_workloads(workloads))
    return folder


def _ingest(folder: Path, **settings: str) -> IngestionSummary:
    config = IngestionConfig(telemetry=str(folder), **settings)
    return run(config, folder.parent / "dataset", Progress("ingestion"))


def _report(folder: Path, key: str) -> dict[str, object]:
    text = (folder.parent / "dataset" / "quality.json").read_text()
    return dict(json.loads(text)["workloads"][key])


def test_a_clean_folder_comes_out_as_it_went_in(tmp_path: Path) -> None:
    folder = _folder(tmp_path, {"cart": _frame()})
    summary = _ingest(folder)
    assert summary == IngestionSummary(("shop/cart",), {}, ROWS)
    written = (tmp_path / "dataset" / "shop" / "cart.parquet").read_bytes()
    assert written == telemetry_bytes(_frame())
    report = _report(folder, "shop/cart")
    assert report["throttled_steps"] == 5
    assert report["oom_kills"] == 1
    assert report["restarts"] == 1
    assert report["gaps"] == 0
    assert report["counter_resets"] is None
    assert report["constant_columns"] == [
        column
        for column in COLUMNS
        if column not in ("cpu_throttled_ratio", "oom_kills", "restarts")
    ]


def test_a_disordered_file_is_put_on_the_grid_and_its_faults_are_counted(tmp_path: Path) -> None:
    frame = _frame()
    frame.loc[3, "latency_ms"] = np.inf
    frame.loc[4, "cpu_usage_m"] = -1.0
    frame["time"] += pd.Timedelta(milliseconds=1200)
    doubled = frame.iloc[[9]].assign(request_rate_per_s=77.0)
    doubled["time"] += pd.Timedelta(seconds=1)
    broken = pd.concat([frame.drop(index=range(20, 24)).iloc[::-1], doubled])
    folder = _folder(tmp_path, {"cart": broken})
    _ingest(folder)
    read = read_telemetry(tmp_path / "dataset" / "shop" / "cart.parquet")
    assert len(read) == ROWS
    assert read["time"].iloc[0] == pd.Timestamp("2026-01-01T00:00:00Z")
    assert read.loc[9, "request_rate_per_s"] == 77.0
    assert read.loc[20:23, list(COLUMNS)].isna().all(axis=None)
    assert np.isnan(read.loc[3, "latency_ms"])
    report = _report(folder, "shop/cart")
    assert report["invalid"] == {"latency_ms": 1, "cpu_usage_m": 1}
    assert report["duplicates"] == 1
    assert report["gaps"] == 1
    assert report["longest_gap_s"] == 60


def test_start_and_end_cut_the_folder(tmp_path: Path) -> None:
    folder = _folder(tmp_path, {"cart": _frame()})
    summary = _ingest(folder, start="2026-01-01T00:01:00Z", end="2026-01-01T00:04:00+00:00")
    assert summary.steps == 13


@pytest.mark.parametrize(
    ("frame", "reason"),
    [
        (None, "no telemetry: .* is absent"),
        (_frame().assign(request_rate_per_s=np.nan), "no request_rate_per_s at all"),
        (_frame().assign(request_rate_per_s=0.0), "there was no request in all this time"),
        (_frame().assign(latency_ms=np.nan), "no latency_ms at all"),
        (_frame().assign(**dict.fromkeys(COLUMNS, np.nan)), "no request_rate_per_s at all"),
        (_frame().assign(memory_request_bytes=np.nan), "set a memory request on the container"),
        (_frame().head(7), "7 steps of 15 s are too few"),
        (_frame().iloc[::4], r"missing in 73% of the steps \(rows are 60 s apart; record at 15 s"),
    ],
)
def test_what_cannot_be_learned_from_is_left_out_with_its_reason(
    tmp_path: Path, frame: pd.DataFrame | None, reason: str
) -> None:
    folder = _folder(tmp_path, {"cart": frame, "good": _frame()})
    summary = _ingest(folder)
    assert summary.usable == ("shop/good",)
    assert set(summary.excluded) == {"shop/cart"}
    with pytest.raises(UserError, match=f"none of the 1 workloads is .*shop/cart: .*{reason}"):
        _ingest(_folder(tmp_path / "alone", {"cart": frame}))
    assert not (tmp_path / "alone" / "dataset").exists()


def test_latency_may_be_missing_while_nobody_asks(tmp_path: Path) -> None:
    frame = _frame()
    frame.loc[5:, "request_rate_per_s"] = 0.0
    frame.loc[5:, "latency_ms"] = np.nan
    assert _ingest(_folder(tmp_path, {"cart": frame})).usable == ("shop/cart",)


def test_a_missing_column_is_one_clear_line(tmp_path: Path) -> None:
    folder = _folder(tmp_path, {"cart": _frame().drop(columns="cpu_usage_m")})
    with pytest.raises(UserError, match=r"cart\.parquet lacks the column cpu_usage_m"):
        _ingest(folder)


def test_an_absent_or_empty_folder_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="is no folder"):
        _ingest(tmp_path / "absent")
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match="is empty"):
        _ingest(tmp_path / "empty")


def test_an_unwritable_output_is_one_clear_line_and_leaves_nothing(tmp_path: Path) -> None:
    folder = _folder(tmp_path, {"cart": _frame()})
    (tmp_path / "file").write_text("")
    config = IngestionConfig(telemetry=str(folder))
    with pytest.raises(UserError, match="cannot write"):
        run(config, tmp_path / "file" / "dataset", Progress("ingestion"))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "telemetry"]


def test_a_second_run_replaces_the_first(tmp_path: Path) -> None:
    folder = _folder(tmp_path, {"cart": _frame(), "web": _frame()})
    _ingest(folder)
    (tmp_path / "dataset" / "stray").write_text("")
    _folder(tmp_path, {"cart": _frame()})
    _ingest(folder)
    names = {path.name for path in (tmp_path / "dataset").rglob("*") if path.is_file()}
    assert names == {"workloads.yaml", "cart.parquet", "quality.json", "quality.html"}
