"""The report's answer: one sentence, one picture, the figures behind both."""

from __future__ import annotations

from html import escape

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from components.pictures import COLOURS, picture_html, picture_png
from components.validation.page import rows_html
from pipelines import comparison
from pipelines.facts import PathFacts
from pipelines.report_workloads import verdicts_html

# More names than these can't be read beside each other; the table below has them all.
_MOST_WORKLOADS = 40
_ROW_INCHES = 0.24
_FRAME_INCHES = 2.6


def answer_html(part: PathFacts) -> str:
    """Return the answer: sentence, picture, figures, and the verdict for each workload."""
    rows = min(len(part.verdicts), _MOST_WORKLOADS)
    picture = picture_png(
        lambda figure: _draw(figure, part), 10.0, _FRAME_INCHES + _ROW_INCHES * rows
    )
    alt = (
        "Cost against SLO violations of each way of scaling, and for each workload the reward of "
        "incumbent, policy and bound; the table below has the same figures"
    )
    return (
        f"<p>{escape(sentence(part))}</p>{picture_html(picture, alt)}"
        f"{rows_html(part.validation['summary'])}"
        "<p class='soft'>Means over the workloads on held-out telemetry, replayed on each "
        "workload's fitted twin, with 95 % intervals. HPA and VPA were tuned on the training part "
        "only. The bound knows the future: nothing can do better than it by much.</p>"
        f"{verdicts_html(part)}"
    )


def sentence(part: PathFacts) -> str:
    """Return the answer in one sentence."""
    verdicts = part.verdicts
    accepted = sum(bool(entry["verdict"]["accepted"]) for entry in verdicts.values())
    rows = part.validation["summary"]

    def mean(row: str, field: str) -> float:
        return float(rows[row][field]["mean"])

    def against(field: str, factor: float, unit: str) -> str:
        ours, hpa, vpa = (
            f"{factor * mean(row, field):.2f}{unit}" for row in ("policy", "hpa", "hpa_vpa")
        )
        return f"{ours} ({hpa} under tuned HPA, {vpa} under tuned HPA + VPA)"

    return (
        f"For {accepted} of {len(verdicts)} workloads the learned policy is proved better than "
        "the incumbent, the better of tuned HPA and tuned HPA + VPA; where it isn't, the incumbent "
        f"stays. Over all of them it violates the SLO in {against('violation', 100.0, ' %')} of "
        f"the time, with {against('core_hours', 1.0, '')} core-hours and "
        f"{against('gib_hours', 1.0, '')} GiB-hours."
    )


def _draw(figure: Figure, part: PathFacts) -> None:
    cost, workloads = figure.subplots(1, 2, width_ratios=(1.0, 1.15))
    _draw_cost(cost, part)
    _draw_workloads(workloads, part)
    # Below both: inside, it would lie on one of the points.
    figure.legend(handles=cost.get_legend_handles_labels()[0], loc="outside lower center", ncols=6)


def _draw_cost(axes: Axes, part: PathFacts) -> None:
    """Each way of scaling as a point: further left is cheaper, further down is safer."""
    for number, (name, title) in enumerate(comparison.ROWS):
        row = part.validation["summary"][name]
        cores, violation = row["core_hours"], row["violation"]
        axes.errorbar(
            cores["mean"],
            100.0 * violation["mean"],
            xerr=0.5 * (cores["high"] - cores["low"]),
            yerr=50.0 * (violation["high"] - violation["low"]),
            fmt="*" if name == "policy" else "o",
            markersize=12 if name == "policy" else 6,
            color=COLOURS[number],
            label=title,
        )
    axes.set_xlim(left=0.0)
    axes.set_ylim(bottom=0.0)
    axes.set_xlabel("core-hours")
    axes.set_ylabel("SLO violations, %")
    axes.set_title("Cheaper is left, safer is down")


def _draw_workloads(axes: Axes, part: PathFacts) -> None:
    """For each workload the way from its incumbent to the bound, and how far the policy came."""
    keys = sorted(part.verdicts)[:_MOST_WORKLOADS]
    for place, key in enumerate(keys):
        entry = part.verdicts[key]
        rows, verdict = entry["rows"], entry["verdict"]
        incumbent, policy, bound = (
            rows[name]["reward"]["mean"] for name in (verdict["opponent"], "policy", "foresight")
        )
        axes.plot([incumbent, bound], [place, place], color="#dddddd", linewidth=5.0, zorder=1)
        axes.plot(incumbent, place, "o", color=COLOURS[6], zorder=2)
        axes.plot(bound, place, "|", color=COLOURS[5], markersize=12, zorder=2)
        # Filled where it may act: the difference is seen without its colour, too.
        face = COLOURS[0] if verdict["accepted"] else "white"
        axes.plot(policy, place, "*", color=COLOURS[0], markerfacecolor=face, markersize=11)
    axes.set_yticks(range(len(keys)), keys)
    axes.invert_yaxis()
    axes.set_xlabel("reward")
    shown = "" if len(keys) == len(part.verdicts) else f", first {len(keys)}"
    axes.set_title(f"● incumbent  ☆ policy, refused  ★ accepted  | bound{shown}")
