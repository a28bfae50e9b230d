"""Progress: what a stage leaves for whoever draws the bars."""

import json
from pathlib import Path

import pytest

from components.progress import PROGRESS_FILE_VARIABLE, Progress


def lines(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_writes_one_document_a_line_into_the_file_that_the_environment_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "progress.jsonl"
    monkeypatch.setenv(PROGRESS_FILE_VARIABLE, str(path))
    Progress("embedding").update(1, 4, "epoch 1")
    (record,) = lines(path)
    assert isinstance(record.pop("time"), float)
    assert record == {
        "stage": "embedding",
        "shard": "1/1",
        "done": 1,
        "total": 4,
        "message": "epoch 1",
    }


def test_drops_updates_that_follow_too_soon_but_never_the_last(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "progress.jsonl"
    monkeypatch.setenv(PROGRESS_FILE_VARIABLE, str(path))
    monkeypatch.setattr("components.progress.time.monotonic", lambda: 100.0)
    progress = Progress("embedding")
    for step in range(1001):
        progress.update(step, 1000)
    assert [record["done"] for record in lines(path)] == [0, 1000]


def test_logs_plain_lines_where_no_file_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv(PROGRESS_FILE_VARIABLE, raising=False)
    Progress("rollout").update(1, 4, "shop/checkout")
    assert capsys.readouterr().err == "rollout: 25 % shop/checkout\n"
