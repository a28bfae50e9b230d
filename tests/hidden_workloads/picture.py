"""The table of the benchmark `control` as a picture."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from matplotlib.figure import Figure

from components.artifacts.files import write_bytes
from components.pictures import picture_png
from tests.hidden_workloads.scoring import Table, over_seeds

_SHOWN = (
    ("reward", 1.0, "mean reward"),
    ("violation", 100.0, "violations, % of the time"),
    ("cost", 1.0, "cores requested (9 GiB as one)"),
)


def write_picture(table: Table, path: Path) -> None:
    """Reward with its interval, violations and cost of each controller, a line each."""
    write_bytes(path, picture_png(partial(_draw, table), 9.5, 0.6 + 0.27 * len(table)))


def _draw(table: Table, figure: Figure) -> None:
    names = list(table)
    lines = range(len(names))
    panels = figure.subplots(1, 3, sharey=True)
    for axes, (field, factor, label) in zip(panels, _SHOWN, strict=True):
        found = [over_seeds(table[name], field) for name in names]
        means = [factor * mean for mean, _ in found]
        axes.errorbar(means, lines, xerr=[factor * half for _, half in found], fmt="o")
        # Intervals of few seeds may be wider than the differences between the controllers.
        axes.set_xlim(0.95 * min(means), 1.05 * max(means))
        axes.set_xlabel(label)
    panels[0].set_yticks(lines, names, fontsize=8)
    panels[0].invert_yaxis()
