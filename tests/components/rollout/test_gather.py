"""A rollout in shards leaves what one rollout of all workloads leaves."""

from pathlib import Path

from components.artifacts.files import read_json, write_json
from components.progress import Progress
from components.rollout.config import RolloutConfig
from components.rollout.gather import gather
from components.rollout.stage import RolloutSummary, run
from tests.components.rollout.stage_inputs import write_stage_outputs


def files(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path.name != ".lock"
    }


def test_objects_decisions_page_and_store_are_those_of_the_whole(tmp_path: Path) -> None:
    inputs = write_stage_outputs(tmp_path)
    run(RolloutConfig(), **inputs, output=tmp_path / "whole", progress=Progress("rollout"))
    policies = read_json(inputs["adapted"] / "adapted.json")
    parts = []
    for key in ("shop/checkout", "shop/cart"):
        adapted = tmp_path / "adapted" / key
        write_json(adapted / "adapted.json", {key: policies[key]})
        part = tmp_path / "part" / key
        run(
            RolloutConfig(),
            **{**inputs, "adapted": adapted},
            output=part,
            progress=Progress("rollout"),
        )
        parts.append(part)

    summary = gather(parts, tmp_path / "gathered")

    assert summary == RolloutSummary(("shop/checkout",), ("shop/cart",))
    assert files(tmp_path / "gathered") == files(tmp_path / "whole")
