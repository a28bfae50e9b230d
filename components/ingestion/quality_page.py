"""The quality report as a page for people: a heat map of what is missing, and a table."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape

import numpy as np
from matplotlib.figure import Figure

from components.ingestion.quality import Quality
from components.pictures import page_html, picture_html, picture_png, table_html
from components.workload.telemetry import COLUMNS, STEP_S

MOST_ROWS = 60


def quality_page(report: Mapping[str, Quality]) -> str:
    """Return the page of all workloads' reports, by workload key."""
    usable = sum(quality.usable for quality in report.values())
    verdict = f"{usable} of {len(report)} workloads can be learned from."
    shown = dict(list(report.items())[:MOST_ROWS])
    more = f" The first {MOST_ROWS} are shown." if len(report) > MOST_ROWS else ""
    picture = picture_html(
        heat_map(shown), "Share of missing values by workload and column, in per cent"
    )
    return page_html(
        "Quality of the telemetry",
        [
            ("Missing values", f"<p>{escape(verdict + more)}</p>{picture}"),
            ("Workloads", _table(report)),
            ("What was met", _remarks(report)),
        ],
    )


def heat_map(report: Mapping[str, Quality]) -> bytes:
    """Return a PNG: workloads down, columns across, the share of missing values as colour."""
    shares = np.array([[q.missing_share[column] for column in COLUMNS] for q in report.values()])

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        axes.imshow(100 * shares, cmap="Blues", vmin=0, vmax=100, aspect="auto")
        axes.set_xticks(range(len(COLUMNS)), COLUMNS, rotation=40, ha="right")
        axes.set_yticks(range(len(report)), list(report))
        axes.grid(visible=False)
        for (row, column), share in np.ndenumerate(shares):
            colour = "white" if share > 0.6 else "#1c2430"
            axes.text(column, row, f"{100 * share:.0f}", ha="center", va="center", color=colour)
        axes.set_title("Missing values, % of the steps")

    return picture_png(draw, 10.5, 1.9 + 0.3 * len(report))


def _table(report: Mapping[str, Quality]) -> str:
    header = (
        "workload",
        "usable",
        "hours",
        "gaps",
        "longest gap, s",
        "throttled steps",
        "OOM kills",
        "restarts",
        "counter resets",
        "pods",
        "latency unit",
    )
    rows = [
        (
            key,
            "yes" if quality.usable else "no",
            f"{quality.steps * STEP_S / 3600:.2f}",
            str(quality.gaps),
            str(quality.longest_gap_s),
            str(quality.throttled_steps),
            str(quality.oom_kills),
            str(quality.restarts),
            "unknown" if quality.counter_resets is None else str(quality.counter_resets),
            "unknown" if quality.pods is None else str(quality.pods),
            quality.latency_unit,
        )
        for key, quality in report.items()
    ]
    return table_html(header, rows)


def _remarks(report: Mapping[str, Quality]) -> str:
    items = [
        f"<li><strong>{escape(key)}</strong>: {escape(remark)}</li>"
        for key, quality in report.items()
        for remark in remarks(quality)
    ]
    return f"<ul>{''.join(items)}</ul>" if items else "<p>Nothing out of the ordinary.</p>"


def remarks(quality: Quality) -> list[str]:
    """Return what a person should know of one workload, a sentence each."""
    lines = [] if quality.usable else [f"not used: {quality.reason}"]
    lines += [f"{column}: {series} is absent" for column, series in quality.missing_series.items()]
    lines += [
        f"{column}: {count} infinite or negative values taken as missing"
        for column, count in quality.invalid.items()
    ]
    lines += [
        f"{column}: its series ended {seconds} s before the others"
        for column, seconds in quality.ended_early_s.items()
    ]
    if quality.duplicates:
        lines.append(f"{quality.duplicates} rows shared a step with another; the last was kept")
    if quality.constant_columns:
        lines.append(f"never changes: {', '.join(quality.constant_columns)}")
    return lines + quality.notes
