"""The meta-training's picture and page: what was learned, on which applications."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from components.pictures import COLOURS, page_html, picture_html, picture_png, table_html

_SETS = (("training", "training"), ("selection", "selection"), ("held_out", "held-out"))


def curve_png(curve: Mapping[str, Any]) -> bytes:
    """Reward and violations by iteration on the three sets, from curve.json."""

    def draw(figure: Figure) -> None:
        reward, violation = figure.subplots(1, 2)
        _draw_field(reward, curve, "reward", 1.0)
        reward.set_title("Reward")
        _draw_field(violation, curve, "violation", 100.0)
        violation.set_title("Steps that missed the objective, %")
        violation.axhline(100.0 * curve["violation_budget"], color="#888888", linestyle=":")
        violation.set_ylim(bottom=0.0)
        # Below both: inside, it would lie on one of the curves.
        figure.legend(
            handles=reward.get_legend_handles_labels()[0], loc="outside lower center", ncols=4
        )

    return picture_png(draw, 9.0, 3.9)


def _draw_field(axes: Axes, curve: Mapping[str, Any], field: str, factor: float) -> None:
    iterations = [one["iteration"] for one in curve["iterations"]]
    for index, (name, label) in enumerate(_SETS):
        values = [factor * one[name][field] for one in curve["iterations"]]
        axes.plot(iterations, values, color=COLOURS[index], label=label)
    default = factor * curve["references"]["default_rule"][field]
    axes.axhline(default, color="#888888", linestyle="--", label="default rule, held-out")
    axes.axvline(curve["chosen_iteration"], color="#bbbbbb", linewidth=0.8)
    axes.set_xlabel("iteration")


def meta_training_html(png: bytes, curve: Mapping[str, Any]) -> str:
    """The page from curve.png and curve.json."""
    chosen = next(
        one for one in curve["iterations"] if one["iteration"] == curve["chosen_iteration"]
    )
    rows = {
        "default rule, the start": curve["references"]["default_rule"],
        "meta-policy, zero-shot": chosen["held_out"],
    }
    return page_html(
        "Meta-training",
        [("Learning curve", _curve_section(png, curve)), ("Held-out applications", _table(rows))],
    )


def _curve_section(png: bytes, curve: Mapping[str, Any]) -> str:
    last = curve["iterations"][-1]
    return (
        f"<p>The policy proposes a rule for a workload from its past. It learned from "
        f"{last['decisions']:,} simulated decisions on {curve['applications']} workloads, twins of "
        f"the real ones among them. It was kept as of iteration {curve['chosen_iteration']} (grey "
        "line), where it did best on the selection set; the held-out set decided nothing. The "
        f"dotted line is the violation budget.</p>"
        + picture_html(png, "Reward and violations by iteration on three sets of applications")
    )


def _table(rows: Mapping[str, Mapping[str, float]]) -> str:
    header = ["", "reward", "violations", "CPU used", "memory used", "actions an hour", "OOM kills"]
    body: Sequence[Sequence[str]] = [
        [
            name,
            f"{row['reward']:.3f}",
            f"{100 * row['violation']:.1f} %",
            f"{100 * row['cpu_utilisation']:.0f} %",
            f"{100 * row['memory_utilisation']:.0f} %",
            f"{row['actions_per_hour']:.1f}",
            f"{row['oom_kills']:.2f}",
        ]
        for name, row in rows.items()
    ]
    return (
        "<p>Means over synthetic applications that nothing was trained or selected on, 96 minutes "
        "each.</p>" + table_html(header, body)
    )
