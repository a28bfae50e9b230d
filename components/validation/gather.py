"""The parts of the verdicts, each reached by a pod of its own, as one validation."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from components.artifacts.files import finished_directory, read_json, write_json, write_text
from components.artifacts.parts import joined_documents
from components.validation.config import ValidationConfig
from components.validation.controllers import TITLES
from components.validation.page import method_text, validation_html
from components.validation.scoring import interval_rows
from components.validation.stage import MEANS_FILE, ValidationSummary, summary_of, traces_text


def gather(config: ValidationConfig, parts: Sequence[Path], output: Path) -> ValidationSummary:
    """Write validation.json, traces.json and validation.html of all workloads.

    A seed's mean over all workloads is the mean of the parts' means by their workloads, so that
    the intervals are those of one validation of all. Raises UserError for a damaged part.
    """
    entries = {
        key: entry
        for part in parts
        for key, entry in read_json(part / "validation.json")["workloads"].items()
    }
    means = [read_json(part / MEANS_FILE) for part in parts]
    weights = np.array([one["workloads"] for one in means], dtype=np.float64)
    summary = {
        name: interval_rows(
            np.average([one["means"][name] for one in means], axis=0, weights=weights)
        )
        for name in TITLES
    }
    report = {"workloads": entries, "summary": summary}
    traces = joined_documents(parts, "traces.json")
    with finished_directory(output) as folder:
        write_json(folder / "validation.json", report)
        write_text(folder / "traces.json", traces_text(traces))
        write_text(folder / "validation.html", validation_html(report, traces, method_text(config)))
    return summary_of(report)
