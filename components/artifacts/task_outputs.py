"""What a pipeline's task leaves for those who look at its run: metrics and a page."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

from components.artifacts.files import write_json


class Output(Protocol):
    """An output as the pipeline's engine hands it to a task."""

    path: str


class Metrics(Output, Protocol):
    """One with figures, which the engine itself keeps beside the file."""

    metadata: Mapping[str, Any]


def leave_metrics(metrics: Metrics) -> None:
    """Write the metrics' file.

    Kubeflow's cache takes a task for unfinished when a file of its outputs is missing.
    """
    write_json(Path(metrics.path), metrics.metadata)


def leave_page(page: Path, report: Output) -> None:
    """Show a page of the task's output as its report."""
    shutil.copyfile(page, report.path)
