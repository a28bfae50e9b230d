"""The fine-tuning's page: how the search went, and what became of each parameter."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cycler import cycler
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from components.pictures import COLOURS, page_html, picture_html, picture_png, table_html
from components.policy.account import account

# As many names as stand below each other beside the picture.
_LEGEND_ROWS = 25


def fine_tuning_html(adapted: Mapping[str, Mapping[str, Any]]) -> str:
    """The page from adapted.json."""
    sections = [("Search", _search_section(adapted))]
    sections += [(key, _rule_table(entry)) for key, entry in adapted.items()]
    return page_html("Fine-tuning", sections)


def _search_section(adapted: Mapping[str, Mapping[str, Any]]) -> str:
    rows = [
        [
            key,
            f"{entry['proposed_score']:.3f}",
            f"{entry['score']:.3f}",
            f"{entry['score'] - entry['proposed_score']:+.3f}",
            f"{entry['cpu_seconds']:.2f} s",
            _against_in_force(entry),
        ]
        for key, entry in adapted.items()
    ]
    return (
        "<p>From the meta-policy's proposal or the default rule, whichever was better, the "
        "cross-entropy method searched each workload's rule: on members of its digital twin and "
        "on services of the population that its telemetry can't tell from it, under rates like "
        "those of the training part. The winner was chosen in worlds that nothing was searched "
        "in, the proposal among the candidates. A score is the mean reward there minus the priced "
        "violations and OOM kills.</p>"
        + picture_html(_curves_png(adapted), "Score of the search's mean by iteration")
        + table_html(["Workload", "proposed", "adapted", "gain", "CPU time", "rule in force"], rows)
    )


def _against_in_force(entry: Mapping[str, Any]) -> str:
    """What became of the rule in force, in words; a dash where there was none."""
    outcome = entry.get("in_force")
    if outcome is None:
        return "-"
    bounds = f"{outcome['low']:+.3f} to {outcome['high']:+.3f} in {outcome['worlds']} worlds"
    return f"{'stays' if outcome['kept'] else 'replaced'}: {bounds}"


def _curves_png(adapted: Mapping[str, Mapping[str, Any]]) -> bytes:
    def draw(figure: Figure) -> None:
        axes = figure.add_subplot()
        # More curves than colours are told apart by their dashes.
        axes.set_prop_cycle(cycler(linestyle=["-", "--", ":"]) * cycler(color=list(COLOURS)))
        for key, entry in adapted.items():
            axes.plot(range(1, len(entry["curve"]) + 1), entry["curve"], label=key)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.set_xlabel("iteration")
        axes.set_ylabel("score of the mean candidate")
        axes.set_title("Search on the twins")
        columns = -(-len(adapted) // _LEGEND_ROWS)
        axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), ncols=columns)

    return picture_png(draw, 9.0, 4.0)


def _rule_table(entry: Mapping[str, Any]) -> str:
    rows = [
        [
            after.name.replace("_", " "),
            f"{before.value:.3g}",
            f"{after.value:.3g}",
            after.unit,
            after.description,
        ]
        for before, after in zip(account(entry["proposed"]), account(entry["rule"]), strict=True)
    ]
    return table_html(["Parameter", "proposed", "adapted", "unit", "meaning"], rows)
