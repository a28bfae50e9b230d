"""The run's answer: as a document for programs, and on the terminal for people."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from components.artifacts.files import read_json
from pipelines import comparison
from pipelines.facts import AUTOSCALING, RETRAINING, Facts, PathFacts
from pipelines.runs import RunFolder

LOG_WIDTH = 132
TABLE_WIDTH = 126


def run_console() -> Console:
    """Return a console on standard output; into a file or a pipe it is as wide as the table."""
    # Bound to the stream of now: while kfp runs, its own standard output goes to the log.
    console = Console(file=sys.stdout, highlight=False)
    if console.is_terminal:
        return console
    return Console(file=sys.stdout, highlight=False, width=LOG_WIDTH)


def summary(facts: Facts, seconds: float) -> dict[str, Any]:
    """Return run.json: what was asked, comparison, verdicts, drift, and how long it took."""
    return {
        "arguments": facts.arguments,
        "seconds": round(seconds, 1),
        AUTOSCALING: _pass_summary(facts.first),
        "drift": {
            key: {"drifted": entry["drifted"], "recommendation": entry["recommendation"]}
            for key, entry in facts.drift.items()
        },
        RETRAINING: _pass_summary(facts.again),
    }


def _pass_summary(part: PathFacts) -> dict[str, Any]:
    return {
        "comparison": part.validation.get("summary", {}),
        "verdicts": {key: entry["verdict"] for key, entry in part.verdicts.items()},
        "rollout": part.rollout,
    }


def show(console: Console, run: RunFolder, facts: Facts) -> None:
    """Print table, verdicts, drift and where everything lies."""
    if facts.first.verdicts:
        _show_pass(console, facts.first, "Held-out telemetry")
    if facts.drift:
        _show_drift(console, facts.drift)
    if facts.again.verdicts:
        _show_pass(console, facts.again, "Retrained on the later recording")
    minutes, seconds = divmod(round(read_json(run.summary)["seconds"]), 60)
    console.print(f"\nReport     {run.report}", soft_wrap=True)
    for pipeline, part in ((AUTOSCALING, facts.first), (RETRAINING, facts.again)):
        if part.manifests:
            folder = run.stage(pipeline, "rollout") / "manifests"
            console.print(f"Manifests  {folder}", soft_wrap=True)
    console.print(f"Time       {minutes} min {seconds} s")


def _show_pass(console: Console, part: PathFacts, title: str) -> None:
    count = len(part.verdicts)
    console.print(f"\n[bold]{title}: mean of {count} workload{'' if count == 1 else 's'}")
    columns = list(range(1, len(comparison.header())))
    # Rather two tables than figures that a narrow terminal cuts off.
    half = len(columns) // 2
    wide = console.width >= TABLE_WIDTH
    for chosen in [columns] if wide else [columns[:half], columns[half:]]:
        console.print(_table(part, chosen))
    lines = [
        (key, "[green]accepted[/]" if accepted else "[yellow]refused[/]", told)
        for key, accepted, told in comparison.verdicts(part.verdicts)
    ]
    console.print(_findings(lines))


def _table(part: PathFacts, columns: Sequence[int]) -> Table:
    """Return the comparison with these of its columns; only headings may be broken."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    rows = comparison.named_rows(part.validation["summary"])
    headings = comparison.header()
    for index in (0, *columns):
        texts = [*headings[index].split(), *(cells[index] for _, cells in rows)]
        table.add_column(
            headings[index],
            justify="right" if index else "left",
            min_width=max(len(text) for text in texts),
        )
    for name, cells in rows:
        shown = [cells[index] for index in (0, *columns)]
        table.add_row(*shown, style="bold" if name == "policy" else "")
    return table


def _show_drift(console: Console, drift: dict[str, Any]) -> None:
    console.print("\n[bold]Drift in the later recording\n")
    colours = {"drifted": "yellow", "steady": "green", "untested": "dim"}
    lines = []
    for key, entry in sorted(drift.items()):
        finding = comparison.drift_finding(entry)
        lines.append((key, f"[{colours[finding]}]{finding}[/]", entry["reasons"]))
    console.print(_findings(lines))


def _findings(lines: Sequence[tuple[str, str, Sequence[str]]]) -> Table:
    """Return (workload, finding, reasons) as a grid; the finding is rich's markup."""
    grid = Table.grid(padding=(0, 2))
    grid.add_column(no_wrap=True, style="bold")
    grid.add_column(no_wrap=True)
    grid.add_column()
    for key, finding, reasons in lines:
        grid.add_row(escape(key), finding, escape("\n".join(reasons)))
    return grid
