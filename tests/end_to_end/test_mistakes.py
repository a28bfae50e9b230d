"""A user's mistakes: one line on stderr, exit code 2, nothing left behind."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from pipelines.cli import main
from tests.telemetry_folders import write_telemetry_folder

CHECKOUT = Path("shop") / "checkout.parquet"


def mistyped_key(folder: Path) -> None:
    path = folder / "workloads.yaml"
    path.write_text(path.read_text().replace("container:", "kontainer:", 1))


def broken_yaml(folder: Path) -> None:
    (folder / "workloads.yaml").write_text("workloads: [")


def no_workloads_file(folder: Path) -> None:
    (folder / "workloads.yaml").unlink()


def missing_column(folder: Path) -> None:
    frame = pd.read_parquet(folder / CHECKOUT)
    frame.drop(columns=["latency_ms"]).to_parquet(folder / CHECKOUT)


def truncated_file(folder: Path) -> None:
    data = (folder / CHECKOUT).read_bytes()
    (folder / CHECKOUT).write_bytes(data[: len(data) // 2])


def missing_files(folder: Path) -> None:
    for path in folder.glob("shop/*.parquet"):
        path.unlink()


def empty_folder(folder: Path) -> None:
    for path in sorted(folder.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()


def only_nan(folder: Path) -> None:
    for path in folder.glob("shop/*.parquet"):
        frame = pd.read_parquet(path)
        frame["request_rate_per_s"] = np.nan
        frame.to_parquet(path)


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (mistyped_key, "kontainer"),
        (broken_yaml, "workloads.yaml"),
        (no_workloads_file, "workloads.yaml"),
        (missing_column, "latency_ms"),
        (truncated_file, "checkout.parquet"),
        (missing_files, "checkout.parquet"),
        (empty_folder, "workloads.yaml"),
        (only_nan, "request_rate_per_s"),
    ],
)
def test_spoilt_telemetry(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    spoil: Callable[[Path], None],
    told: str,
) -> None:
    folder = write_telemetry_folder(tmp_path / "recordings", steps=40)
    spoil(folder)
    line = failure(capsys, "run", "--telemetry", folder, "--output", tmp_path / "runs", "--quick")
    assert told in line
    assert [path.name for path in tmp_path.iterdir()] == ["recordings"]


def failure(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> str:
    """Run the command, expect one line and exit code 2; return the line."""
    with pytest.raises(SystemExit) as end:
        main([str(argument) for argument in arguments])
    told = capsys.readouterr().err
    assert end.value.code == 2, told
    assert told.startswith("error: ")
    assert told.count("\n") == 1, told
    return told


def test_a_prometheus_that_does_not_answer(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = write_telemetry_folder(tmp_path / "recordings", steps=40)
    line = failure(
        capsys,
        "run",
        "--prometheus",
        "http://127.0.0.1:9",
        "--workloads",
        folder / "workloads.yaml",
        "--output",
        tmp_path / "runs",
    )
    assert "127.0.0.1:9" in line
    assert not (tmp_path / "runs").exists()


def test_an_output_that_cannot_be_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = write_telemetry_folder(tmp_path / "recordings", steps=40)
    (tmp_path / "file").write_text("")
    line = failure(capsys, "run", "--telemetry", folder, "--output", tmp_path / "file" / "runs")
    assert "cannot write" in line


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["run"], "--telemetry"),
        (["run", "--telemetry", ".", "--prometheus", "http://127.0.0.1:9"], "either"),
        (["run", "--prometheus", "http://127.0.0.1:9"], "--workloads"),
        (["run", "--telemetry", "absent"], "no folder"),
        (["run", "--seed", "many"], "--seed"),
        (["run", "--telemetri", "x"], "--telemetri"),
        (["retrain", "--run", "absent", "--telemetry", "absent"], "absent"),
        (["retrain", "--telemetry", "absent"], "--run"),
        (["fly"], "fly"),
    ],
)
def test_arguments_that_make_no_sense(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    told: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert told in failure(capsys, *arguments)
    assert list(tmp_path.iterdir()) == []


def test_help_is_no_mistake(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(["run", "--help"])
    assert end.value.code == 0
    assert "Example: aware run" in capsys.readouterr().out
