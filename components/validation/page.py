"""The stage's page: the verdicts, and for each workload what every controller did and got."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogFormatter, MaxNLocator

from components.pictures import COLOURS, page_html, picture_html, picture_png, table_html
from components.policy.account import account, incumbent_line
from components.validation.config import ValidationConfig
from components.validation.controllers import TITLES

_MARGINS = {"left": 0.07, "right": 0.99, "bottom": 0.06, "top": 0.95, "hspace": 0.14}
_CELLS: tuple[tuple[str, str, float, int], ...] = (
    ("reward", "reward", 1.0, 3),
    ("violation", "violations, %", 100.0, 2),
    ("violation_5_percent", "by over 5 %", 100.0, 2),
    ("cpu_utilisation", "CPU used, %", 100.0, 1),
    ("memory_utilisation", "memory used, %", 100.0, 1),
    ("core_hours", "core-hours", 1.0, 3),
    ("gib_hours", "GiB-hours", 1.0, 3),
    ("actions_per_hour", "actions/h", 1.0, 1),
    ("oom_kills", "OOM kills", 1.0, 2),
)


def validation_html(report: Mapping[str, Any], traces: Mapping[str, Any], method: str) -> str:
    """One page from validation.json and traces.json; `method` says how it was measured."""
    sections = [
        ("Verdicts", _verdicts(report["workloads"]) + f"<p class='soft'>{escape(method)}</p>")
    ]
    sections.append(("All workloads", rows_html(report["summary"])))
    for key, entry in report["workloads"].items():
        sections.append((key, _workload_html(key, entry, traces[key])))
    return page_html("Validation", sections)


def method_text(config: ValidationConfig) -> str:
    """How the figures came about, for readers who doubt them (as they should)."""
    return (
        f"Every controller met the same {config.seeds * config.traces} situations per workload:"
        f" {config.seeds} seeds with {config.traces} request-rate traces of {config.decisions}"
        " minutes each, the first as measured, the others strung together from its blocks. The"
        " services are simulated by twins fitted to the held-out telemetry, which nothing was"
        " tuned on. Intervals are 95 %, over seeds; verdicts rest on paired differences. Gap closed"
        " is the policy's share of the way from the default HPA to perfect foresight, in reward"
        f" less {config.violation_penalty:g} times the violations, which all were tuned for."
    )


def rows_html(rows: Mapping[str, Mapping[str, Mapping[str, float]]]) -> str:
    """The table of the controllers, each mean with half the width of its 95 % interval."""
    header = ["", *(heading for _, heading, _, _ in _CELLS)]
    body = [
        [title, *(_cell(rows[name][field], factor, digits) for field, _, factor, digits in _CELLS)]
        for name, title in TITLES.items()
    ]
    return table_html(header, body)


def drawn(opponent: str) -> tuple[str, str, str]:
    """The controllers of a workload's picture: what most have, its incumbent, the policy."""
    return ("hpa_default", opponent, "policy")


def draw_trace(figure: Figure, trace: Mapping[str, Any], opponent: str) -> None:
    """Rates, replicas, CPU and memory asked for, and latency against the SLO, over minutes.

    `opponent` names the incumbent that the policy was judged against.
    """
    # The automatic layout takes longer than all of the drawing.
    figure.set_layout_engine("none")
    minutes = [time_s / 60.0 for time_s in trace["time_s"]]
    panels: Sequence[Axes] = figure.subplots(5, 1, sharex=True, gridspec_kw=_MARGINS)
    panels[0].plot(minutes, trace["rate"], color=COLOURS[-1])
    panels[0].set_ylabel("requests/s")
    names = drawn(opponent)
    for number, name in enumerate(names):
        controller, colour = trace["controllers"][name], COLOURS[number]
        cores = [
            count * cpu_m / 1000.0
            for count, cpu_m in zip(controller["replicas"], controller["cpu_m"], strict=True)
        ]
        mebibytes = [size / 2**20 for size in controller["memory_bytes"]]
        panels[1].step(minutes, controller["replicas"], color=colour, label=TITLES[name])
        panels[2].step(minutes, cores, color=colour)
        panels[3].step(minutes, mebibytes, color=colour)
        panels[4].plot(minutes, controller["latency_ms"], color=colour, linewidth=1.0)
    labels = ("replicas", "cores, all", "MiB, each", "latency, ms")
    for panel, label in zip(panels[1:], labels, strict=True):
        panel.set_ylabel(label)
    panels[1].yaxis.set_major_locator(MaxNLocator(integer=True))
    panels[4].set_yscale("log")
    for axis_formatter in (
        panels[4].yaxis.set_major_formatter,
        panels[4].yaxis.set_minor_formatter,
    ):
        axis_formatter(LogFormatter(labelOnlyBase=False, minor_thresholds=(2, 0.5)))
    panels[4].axhline(trace["slo_latency_ms"], color="#b3361b", linestyle="--", linewidth=1.0)
    panels[4].annotate(
        "SLO",
        (1.0, trace["slo_latency_ms"]),
        xycoords=("axes fraction", "data"),
        ha="right",
        va="bottom",
        color="#b3361b",
        fontsize=8,
    )
    panels[4].set_xlabel("minutes")
    figure.legend(handles=panels[1].get_lines(), loc="upper right", ncols=len(names))


def _verdicts(workloads: Mapping[str, Any]) -> str:
    rows = [
        (
            key,
            "accepted" if entry["verdict"]["accepted"] else "refused",
            "–" if entry["gap_closed"] is None else f"{100 * entry['gap_closed']:.0f} %",
            f"{entry['rows']['policy']['reward']['mean']:.3f}",
            f"{entry['rows'][entry['verdict']['opponent']]['reward']['mean']:.3f}",
            TITLES[entry["verdict"]["opponent"]],
        )
        for key, entry in workloads.items()
    ]
    header = ("Workload", "Verdict", "Gap closed", "Reward", "Opponent's", "Opponent")
    return table_html(header, rows)


def _workload_html(key: str, entry: Mapping[str, Any], trace: Mapping[str, Any]) -> str:
    accepted = entry["verdict"]["accepted"]
    word, style = ("Accepted", "good") if accepted else ("Refused: the incumbent stays", "bad")
    reasons = "".join(f"<li>{escape(reason)}</li>" for reason in entry["verdict"]["reasons"])
    opponent = entry["verdict"]["opponent"]
    picture = picture_png(lambda figure: draw_trace(figure, trace, opponent), 10.0, 8.0)
    titles = ", ".join(TITLES[name] for name in drawn(opponent))
    alt = f"{key}: rate, replicas, cores, memory and latency under {titles}"
    return (
        f'<p class="{style}">{word}</p><ul>{reasons}</ul>'
        f"{rows_html(entry['rows'])}{picture_html(picture, alt)}"
        f"{_account_html(entry['rule'], entry['incumbent'])}"
    )


def _account_html(rule: Mapping[str, float], incumbent: Mapping[str, float]) -> str:
    """What each of the policy's numbers is, and what the incumbent has in its place."""
    rows = [
        (
            row.name.replace("_", " "),
            f"{row.value:.3g}",
            "–" if row.incumbent is None else f"{row.incumbent:.3g}",
            row.unit,
            f"{row.low:g} to {row.high:g}",
            row.description,
        )
        for row in account(rule, incumbent)
    ]
    header = ("Parameter", "policy", "incumbent", "unit", "bounds", "meaning")
    said = f"<p class='soft'>The incumbent: {escape(incumbent_line(incumbent))}.</p>"
    return said + table_html(header, rows)


def _cell(interval: Mapping[str, float], factor: float, digits: int) -> str:
    half = 0.5 * (interval["high"] - interval["low"])
    return f"{interval['mean'] * factor:.{digits}f} ± {half * factor:.{digits}f}"
