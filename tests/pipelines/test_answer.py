"""The answer on the terminal."""

import io
from pathlib import Path

import pytest
from rich.console import Console

from pipelines import answer
from pipelines.comparison import COLUMNS, ROWS
from pipelines.facts import read_facts
from pipelines.runs import RunFolder
from tests.pipelines.test_comparison import FIGURES, verdict


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    from components.artifacts.files import write_json

    run = RunFolder(tmp_path)
    rows = {name: FIGURES for name, _ in ROWS}
    entry = {"rows": rows, "gap_closed": 0.5, "verdict": verdict(0.0, 0.1, 0.1)}
    write_json(
        run.stage("autoscaling", "validation") / "validation.json",
        {"summary": rows, "workloads": {"shop/[checkout]": entry}},
    )
    write_json(
        run.stage("retraining", "drift_check") / "drift.json",
        {
            "shop/cart": {
                "drifted": True,
                "recommendation": "retrain",
                "reasons": ["slower"],
                "tests": {"dynamics": {}},
            }
        },
    )
    write_json(run.summary, answer.summary(read_facts(run, {"seed": 3}), 75.04))
    return run


@pytest.mark.parametrize("width", [80, 126, 200])
def test_no_figure_is_cut_off_at_any_width(run: RunFolder, width: int) -> None:
    out = io.StringIO()
    answer.show(Console(file=out, width=width), run, read_facts(run, {}))
    text = out.getvalue()
    assert "…" not in text
    assert max(map(len, text.splitlines())) <= max(width, len(f"Report     {run.report}"))
    assert all(title in text for _, title in ROWS)
    for column in COLUMNS:
        assert all(word in text for word in column.heading.split())
    assert "1.23 %" in text
    assert "Time       1 min 15 s" in text


def test_names_are_text_even_when_they_look_like_markup(run: RunFolder) -> None:
    out = io.StringIO()
    answer.show(Console(file=out, width=132), run, read_facts(run, {}))
    assert "shop/[checkout]  accepted" in out.getvalue()
    assert "shop/cart  drifted  slower" in out.getvalue()


def test_the_summary_holds_what_was_asked_and_what_came_out(run: RunFolder) -> None:
    summary = answer.summary(read_facts(run, {"seed": 3}), 75.04)
    assert summary["arguments"] == {"seed": 3}
    assert summary["seconds"] == 75.0
    assert summary["autoscaling"]["verdicts"]["shop/[checkout]"]["accepted"] is True
    assert summary["drift"] == {"shop/cart": {"drifted": True, "recommendation": "retrain"}}
    assert summary["retraining"]["verdicts"] == {}
