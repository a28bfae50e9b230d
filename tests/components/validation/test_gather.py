"""Verdicts reached in shards are those of one validation of all workloads."""

from pathlib import Path

import pytest

from components.artifacts.files import read_json, write_json
from components.progress import Progress
from components.validation.config import quick_config
from components.validation.gather import gather
from components.validation.stage import run
from tests.components.validation.stage_inputs import write_stage_outputs

QUICK = quick_config(3)


def validated(root: Path, adapted: Path, output: Path) -> Path:
    inputs = {path.name: path for path in root.iterdir()} | {"adapted": adapted}
    run(QUICK, **inputs, output=output, progress=Progress("validation"))
    return output


def test_entries_traces_and_intervals_are_those_of_the_whole(tmp_path: Path) -> None:
    root = tmp_path / "in"
    write_stage_outputs(root)
    whole = validated(root, root / "adapted", tmp_path / "whole")
    policies = read_json(root / "adapted" / "adapted.json")
    first, *rest = sorted(policies)
    parts = []
    for index, keys in enumerate(([first], rest)):
        adapted = tmp_path / f"adapted{index}"
        write_json(adapted / "adapted.json", {key: policies[key] for key in keys})
        parts.append(validated(root, adapted, tmp_path / f"part{index}"))

    summary = gather(QUICK, parts, tmp_path / "gathered")

    one, all_at_once = (
        read_json(folder / "validation.json") for folder in (tmp_path / "gathered", whole)
    )
    assert one["workloads"] == all_at_once["workloads"]
    for name, fields in all_at_once["summary"].items():
        for field, interval in fields.items():
            assert one["summary"][name][field] == pytest.approx(interval, abs=1e-12), (name, field)
    traces = [(folder / "traces.json").read_bytes() for folder in (tmp_path / "gathered", whole)]
    assert traces[0] == traces[1]
    assert {*summary.accepted, *summary.refused} == set(policies)
