"""The parts of the adapted policies, each searched by a pod of its own, as one output."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from components.artifacts.files import finished_directory, write_json, write_text
from components.artifacts.parts import joined_documents
from components.fine_tuning.page import fine_tuning_html
from components.fine_tuning.stage import FineTuningSummary


def gather(parts: Sequence[Path], output: Path) -> FineTuningSummary:
    """Write adapted.json and fine_tuning.html of all parts; raises UserError for a damaged one."""
    adapted = joined_documents(parts, "adapted.json")
    with finished_directory(output) as folder:
        write_json(folder / "adapted.json", adapted)
        write_text(folder / "fine_tuning.html", fine_tuning_html(adapted))
    gains = [entry["score"] - entry["proposed_score"] for entry in adapted.values()]
    seconds = [entry["cpu_seconds"] for entry in adapted.values()]
    count = len(adapted)
    return FineTuningSummary(tuple(adapted), sum(gains) / count, sum(seconds) / count)
