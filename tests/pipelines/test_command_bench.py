"""The `aware bench` commands, really run."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from pipelines.cli import main


def _run(arguments: list[str]) -> int:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    return int(ended.value.code or 0)


def test_aware_table_leaves_a_log_checkpoints_and_results(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "table"
    assert _run(["bench", "aware-table", "--iterations", "3", "--output", str(output)]) == 0
    with (output / "log.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["number"] for row in rows] == ["1", "2", "3"]
    for column in ("reward", "moving_average", "cpu_seconds", "memory_mib"):
        assert all(row[column] for row in rows)
    assert [path.name for path in (output / "checkpoints").iterdir()] == [
        "iteration-00003.safetensors"
    ]
    results = json.loads((output / "results.json").read_text(encoding="utf-8"))
    assert results["optimum"] == pytest.approx(7.95, abs=0.01)
    printed = capsys.readouterr().out
    assert "optimum 7.95" in printed
    assert str(output) in printed


def test_no_iterations_are_refused_with_exit_code_2(tmp_path: Path) -> None:
    output = tmp_path / "table"
    assert _run(["bench", "aware-table", "--iterations", "0", "--output", str(output)]) == 2
    assert not output.exists()
