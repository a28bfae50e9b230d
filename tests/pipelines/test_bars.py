"""The bars: what is shown of what the stages append."""

import io
import json
from pathlib import Path

import pytest
from rich.console import Console

from pipelines.bars import stage_bars


def append(
    path: Path, stage: str, done: float, total: float, message: str = "", shard: str = "1/1"
) -> None:
    record = {
        "stage": stage,
        "shard": shard,
        "done": done,
        "total": total,
        "message": message,
        "time": 0.0,
    }
    with open(path, "a") as file:
        file.write(json.dumps(record) + "\n")


def test_into_a_file_each_stage_is_one_line_with_its_seconds(tmp_path: Path) -> None:
    path, out = tmp_path / "progress.jsonl", io.StringIO()
    with stage_bars(Console(file=out, width=80), "autoscaling", path):
        append(path, "ingestion", 1, 1)
        append(path, "meta_training", 1, 2)
        append(path, "meta_training", 2, 2)
    title, first, second = out.getvalue().splitlines()
    assert title == "autoscaling"
    assert first.split()[0] == "ingestion"
    assert second.split()[0] == "meta-training"
    assert second.endswith(" s")


def test_a_stage_in_shards_is_one_line_though_the_next_one_has_begun(tmp_path: Path) -> None:
    path, out = tmp_path / "progress.jsonl", io.StringIO()
    with stage_bars(Console(file=out, width=80), "autoscaling", path):
        append(path, "fine_tuning", 1, 2, shard="2/2")
        append(path, "fine_tuning", 1, 1, shard="1/2")
        append(path, "validation", 0, 1, shard="1/2")
        append(path, "fine_tuning", 2, 2, shard="2/2")
        append(path, "validation", 1, 1, shard="1/2")
        append(path, "validation", 1, 1, shard="2/2")
    assert [line.split()[0] for line in out.getvalue().splitlines()] == [
        "autoscaling",
        "fine-tuning",
        "validation",
    ]


def test_on_a_terminal_bars_show_share_and_message(tmp_path: Path) -> None:
    path, out = tmp_path / "progress.jsonl", io.StringIO()
    console = Console(file=out, width=120, force_terminal=True, color_system=None)
    with stage_bars(console, "autoscaling", path):
        append(path, "embedding", 1, 4, "epoch 1 of 4")
    assert "embedding" in out.getvalue()
    assert "epoch 1 of 4" in out.getvalue()
    assert "100%" in out.getvalue()


def test_a_stage_that_failed_is_not_shown_as_done(tmp_path: Path) -> None:
    path, out = tmp_path / "progress.jsonl", io.StringIO()
    with (
        pytest.raises(RuntimeError),
        stage_bars(Console(file=out, width=80), "autoscaling", path),
    ):
        append(path, "ingestion", 0, 2)
        raise RuntimeError
    assert out.getvalue().splitlines() == ["autoscaling"]


def test_earlier_lines_and_an_unfinished_one_are_left_aside(tmp_path: Path) -> None:
    path, out = tmp_path / "progress.jsonl", io.StringIO()
    append(path, "rollout", 1, 1)
    with stage_bars(Console(file=out, width=80), "retraining", path):
        append(path, "drift_check", 1, 1)
        with open(path, "a") as file:
            file.write('{"stage": "embed')
    assert [line.split()[0] for line in out.getvalue().splitlines()] == ["retraining", "drift"]
