"""What the arms did, course by course: rate, pods, their CPU and memory, and the latency of it."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from PIL import Image

from components.pictures import COLOURS, picture_png
from tests.cluster.closed_loop.arms import HPA, HPA_VPA, OURS, TITLES, Contest

_COLOUR_OF = {HPA: COLOURS[6], HPA_VPA: COLOURS[1], OURS: COLOURS[0]}
_LABELS = (
    "requests/s",
    "pods wanted",
    "CPU requested, m",
    "memory requested, MiB",
    "latency at the\nSLO's percentile, ms",
)
_MIB = 1 << 20
_STEPS_PER_MINUTE = 4
# Lines, not photographs: a quarter of the bytes.
_COLOURS = 24


def draw(frames: dict[str, dict[str, pd.DataFrame]], contest: Contest, file: Path) -> None:
    """Writes a PNG of telemetry frames by course and arm, a column for each course."""

    def fill(figure: Figure) -> None:
        grid = figure.subplots(len(_LABELS), len(frames), squeeze=False, sharex="col", sharey="row")
        for column, (course, arms) in zip(grid.T, frames.items(), strict=True):
            column[0].set_title(course)
            for arm, frame in arms.items():
                _lines(column, frame, arm)
            column[-1].axhline(
                contest.workload.slo.latency_ms, color=COLOURS[2], linewidth=0.9, linestyle="--"
            )
            column[-1].set_yscale("log")
            column[-1].set_xlabel("minutes")
        for axes, label in zip(grid[:, 0], _LABELS, strict=True):
            axes.set_ylabel(label)
        grid[1, 0].legend()

    png = picture_png(fill, 4.2 * len(frames), 9.0)
    Image.open(io.BytesIO(png)).quantize(_COLOURS).save(file, optimize=True)


def _lines(column: Sequence[Axes], frame: pd.DataFrame, arm: str) -> None:
    pods = frame["replicas_wanted"]
    rows = (
        frame["request_rate_per_s"],
        pods,
        pods * frame["cpu_request_m"],
        pods * frame["memory_request_bytes"] / _MIB,
        frame["latency_ms"],
    )
    minutes = np.arange(len(frame)) / _STEPS_PER_MINUTE
    for axes, values in zip(column, rows, strict=True):
        axes.plot(minutes, values, color=_COLOUR_OF[arm], label=TITLES[arm])


def frames_of(work: Path, courses: Sequence[str]) -> dict[str, dict[str, pd.DataFrame]]:
    """The telemetry that a run of the benchmark left in its work folder."""
    return {
        course: {
            arm: pd.read_parquet(work / f"{course}-{arm}" / "telemetry.parquet") for arm in TITLES
        }
        for course in courses
    }
