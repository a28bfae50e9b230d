"""`aware ingest` against a real Prometheus: first all, then what is new, and a mistake."""

from __future__ import annotations

from pathlib import Path

import pytest

from components.workload.telemetry import read_telemetry
from pipelines.cli import main
from tests.components.ingestion.shop_history import END, START, shop_history, write_workloads
from tests.prometheus_server import running_prometheus


def _ingest(*arguments: object) -> int:
    with pytest.raises(SystemExit) as stopped:
        main(["ingest", *map(str, arguments)])
    return int(stopped.value.code or 0)


def test_a_second_call_asks_for_what_is_new_and_a_folder_comes_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    workloads, output = write_workloads(tmp_path), tmp_path / "telemetry"
    with running_prometheus(tmp_path / "server", shop_history()) as url:
        words = ["--prometheus", url, "--workloads", workloads, "--output", output]
        assert _ingest(*words, "--start", START, "--end", "2026-01-01T00:15:00Z") == 0
        first = {path.name for path in (tmp_path / "telemetry.journal").glob("*.arrow")}
        assert _ingest(*words, "--start", START, "--end", END) == 0
        second = {path.name for path in (tmp_path / "telemetry.journal").glob("*.arrow")}
    assert len(first) == 1
    assert first < second
    assert len(read_telemetry(output / "shop" / "checkout.parquet")) == 100
    assert capsys.readouterr().out == f"{output}\n{output}\n"


def test_an_unreachable_server_is_one_line_and_exit_code_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    workloads = write_workloads(tmp_path)
    words = ["--prometheus", "http://127.0.0.1:9", "--workloads", workloads]
    assert _ingest(*words, "--output", tmp_path / "telemetry") == 2
    assert "error: can't reach a Prometheus at http://127.0.0.1:9" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == [workloads.name]
