"""The page and the figures that end a run."""

from __future__ import annotations

from pathlib import Path

import pytest

from components.artifacts.files import read_json, write_bytes, write_json
from components.errors import UserError
from components.rollout.run_summary import RunFigures, RunOutputs, write_summary

USABLE = {"usable": True, "reason": ""}


def write_dataset(folder: Path) -> Path:
    broken = {"usable": False, "reason": "no <latency> at all"}
    quality = {"workloads": {"shop/a": USABLE, "shop/b": USABLE, "shop/c": broken}}
    write_json(folder / "quality.json", quality)
    return folder


def test_it_says_of_each_workload_what_the_stages_found(tmp_path: Path) -> None:
    dataset = write_dataset(tmp_path / "dataset")
    drift, validation, rollout, embedding, turn = (
        tmp_path / name for name in ("drift", "validation", "rollout", "embedding", "turn")
    )
    write_json(
        drift / "drift.json",
        {
            "shop/a": {"drifted": True, "tests": {}, "reasons": ["dynamics: slower"]},
            "shop/b": {"drifted": False, "tests": {"x": 1}, "reasons": []},
            "shop/c": {"drifted": True, "tests": {}, "reasons": ["input: more"]},
        },
    )
    write_json(turn / "turn.json", {"admitted": ["shop/a"], "refused": {"shop/c": "it flaps"}})
    verdict = {"verdict": {"accepted": True}, "gap_closed": 0.421}
    write_json(validation / "validation.json", {"workloads": {"shop/a": verdict}})
    write_json(
        rollout / "rollout.json",
        {"shop/a": {"accepted": True, "state": "SHADOW", "reasons": ["better", "Kills: failed."]}},
    )
    write_bytes(embedding / "map.png", b"png")
    page = tmp_path / "page.html"
    outputs = RunOutputs(dataset, embedding, None, validation, rollout, drift, turn)
    figures = write_summary(outputs, page, tmp_path / "record")
    assert figures == RunFigures(workloads=3, drifted=2, accepted=1, refused=0)
    text = page.read_text()
    for cell in ("drifted", "steady", "42 %", "SHADOW", "no &lt;latency&gt; at all", "cG5n"):
        assert cell in text
    assert "3 workloads; 2 drifted; policies: 1 accepted, 0 refused; nothing to do for 1." in text
    assert "dynamics: slower. better.<" in text
    record = read_json(tmp_path / "record" / "summary.json")
    assert record["shop/a"] == {
        "telemetry": "usable",
        "drift": "drifted",
        "retraining": "retrained",
        "verdict": "accepted",
        "gap_closed": "42 %",
        "state": "SHADOW",
        "reasons": ["dynamics: slower", "better", "Kills: failed."],
    }
    assert record["shop/c"]["retraining"] == "not retrained: it flaps"
    assert record["shop/c"]["reasons"] == ["input: more"]


@pytest.mark.parametrize(
    ("reasons", "told"),
    [
        (["Kills: failed.", "Cost: not proved cheaper."], "Refused. Kills: failed.<"),
        (["Kills: passed.", "Cost: not proved cheaper."], "Refused. Cost: not proved cheaper.<"),
    ],
)
def test_a_refusal_says_what_the_gate_lacked(tmp_path: Path, reasons: list[str], told: str) -> None:
    decision = {"accepted": False, "state": "INCUMBENT", "reasons": ["Refused.", *reasons]}
    write_json(tmp_path / "rollout" / "rollout.json", {"shop/a": decision})
    outputs = RunOutputs(write_dataset(tmp_path / "dataset"), rollout=tmp_path / "rollout")
    write_summary(outputs, tmp_path / "page.html", tmp_path / "record")
    assert told in (tmp_path / "page.html").read_text()


def test_a_run_without_drift_has_a_page_too(tmp_path: Path) -> None:
    dataset = write_dataset(tmp_path / "dataset")
    figures = write_summary(RunOutputs(dataset), tmp_path / "page.html", tmp_path / "record")
    assert figures == RunFigures(workloads=3, drifted=0, accepted=0, refused=0)
    assert "shop/b" in (tmp_path / "page.html").read_text()


def test_a_missing_file_is_told_and_no_page_is_left(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"quality\.json is missing"):
        write_summary(RunOutputs(tmp_path / "dataset"), tmp_path / "page.html", tmp_path / "record")
    assert not (tmp_path / "record").exists()
    assert not (tmp_path / "page.html").exists()
