"""The picture of a check: for each workload its three measures, before and now."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from components.cluster.compiled import FloatArray
from components.drift_check.verdict import Verdict
from components.pictures import COLOURS, picture_png

MOST_ROWS = 24
# Of a long reference the last part is drawn: the recent telemetry is what is looked for.
_SHOWN = 4
_LONGEST_NAME = 30
_UNITS = ((3 * 86400.0, 86400.0, "days"), (3 * 3600.0, 3600.0, "hours"), (0.0, 60.0, "minutes"))
_BEFORE, _NOW, _ALARM = COLOURS[6], COLOURS[0], COLOURS[1]
_TITLES = {
    "input": "requests per second",
    "dynamics": "{measure}, measured / twin",
    "outcome": "share of steps beyond the SLO",
}
_LEAST_SPAN = {"input": (0.0, 1e-3), "dynamics": (0.6, 1.6), "outcome": (-0.05, 1.05)}


@dataclass(frozen=True, slots=True)
class Course:
    """A test's measure over time: reference blocks [K] and recent blocks [R], and its name."""

    measure: str
    reference: FloatArray
    recent: FloatArray


def drift_picture(
    courses: Mapping[str, Mapping[str, Course]],
    verdicts: Mapping[str, Verdict],
    block_s: Mapping[str, int],
) -> bytes:
    """Return a PNG: a row for each workload (drifted ones first), a column for each test."""
    keys = sorted(courses, key=lambda key: not verdicts[key].drifted)[:MOST_ROWS]

    def draw(figure: Figure) -> None:
        grid = figure.subplots(len(keys), len(_TITLES), squeeze=False)
        for row, key in zip(grid, keys, strict=True):
            for axes, (test, title) in zip(row, _TITLES.items(), strict=True):
                course = courses[key][test]
                unit = _draw_course(axes, course, verdicts[key], test, block_s[key])
                axes.set_title(title.format(measure=course.measure), loc="left")
                axes.set_ylim(*_limits(test, course))
                axes.set_xlabel(f"{unit}, 0 = the recent telemetry begins")
            # Across the page a long name runs into the next row's.
            name = key if len(key) <= _LONGEST_NAME else f"{key[: _LONGEST_NAME - 1]}…"
            row[0].set_title(f"{name}: {_TITLES['input']}", loc="left")

    return picture_png(draw, 13.5, 0.6 + 2.2 * len(keys))


def _draw_course(axes: Axes, course: Course, verdict: Verdict, test: str, block_s: int) -> str:
    """Draw the course; return the unit of its time."""
    assert verdict.checked is not None
    alarm = verdict.is_alarm(test)
    shown = course.reference[-_SHOWN * len(course.recent) :]
    span_s = block_s * (len(shown) + len(course.recent))
    unit_s, unit = next((one, name) for least, one, name in _UNITS if span_s >= least)
    step = block_s / unit_s
    # The time between the two recordings is left out: only the edge counts.
    before = step * (np.arange(len(shown)) - len(shown) + 0.5)
    now = step * (np.arange(len(course.recent)) + 0.5)
    low, high = _band(course.reference)
    axes.axhspan(low, high, color=_BEFORE, alpha=0.12, linewidth=0)
    axes.axvline(0.0, color=_BEFORE, linewidth=0.8)
    axes.plot(before, shown, color=_BEFORE, marker=".", label="reference")
    axes.plot(now, course.recent, color=_ALARM if alarm else _NOW, marker=".", label="recent")
    shift = verdict.checked.findings[test].shift
    if alarm and shift is not None:
        axes.axvline(step * shift.since, color=_ALARM, linestyle="--", linewidth=1.0)
        axes.set_facecolor("#fff4ee")
    return unit


def _limits(test: str, course: Course) -> tuple[float, float]:
    """Return the vertical limits: wide enough that mere noise looks like noise."""
    values = np.concatenate([course.reference, course.recent])
    present = values[np.isfinite(values)]
    low, high = _LEAST_SPAN[test]
    if present.size == 0:
        return low, high
    return min(low, 0.95 * float(present.min())), max(high, 1.05 * float(present.max()))


def _band(values: FloatArray) -> tuple[float, float]:
    present = values[np.isfinite(values)]
    if present.size == 0:
        return 0.0, 0.0
    low, high = np.quantile(present, (0.05, 0.95))
    return float(low), float(high)
