"""`aware savings`: what a run's policies would save a month."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from components.page.costs import CORE_PRICE, GIB_PRICE, Prices
from pipelines.command_panels import LOOK
from pipelines.savings import Saving, savings

if TYPE_CHECKING:
    from rich.table import Table


def register(app: typer.Typer) -> None:
    """Add the command."""

    @app.command("savings", rich_help_panel=LOOK)
    def savings_(
        run: Annotated[Path, typer.Option(help="A finished run.")] = Path("runs/latest"),
        core_price: Annotated[float, typer.Option(min=0, help="Of a core an hour.")] = CORE_PRICE,
        gib_price: Annotated[float, typer.Option(min=0, help="Of a GiB an hour.")] = GIB_PRICE,
        as_json: Annotated[bool, typer.Option("--json", help="JSON instead of a table.")] = False,
    ) -> None:
        """What each workload's requests cost a month: HPA as shipped, the incumbent, the policy.

        The default prices are Google Compute Engine's N1 on demand (USD, us-central1).

        Example: aware savings --run runs/latest --core-price 0.04 --gib-price 0.005
        """
        from components.errors import UserError
        from pipelines.answer import run_console
        from pipelines.facts import read_facts
        from pipelines.runs import finished_run

        verdicts = read_facts(finished_run(run), {}).first.verdicts
        if not verdicts:
            raise UserError(f"{run} validated nothing (a retraining alone): give an `aware run`")
        rows = savings(verdicts, Prices(core_price, gib_price))
        if as_json:
            typer.echo(json.dumps([_entry(row) for row in rows]))
            return
        run_console().print(_table(rows))


def _entry(row: Saving) -> dict[str, str | bool | float]:
    return {
        "workload": row.key,
        "accepted": row.accepted,
        "hpa_default_per_month": row.default,
        "incumbent_per_month": row.incumbent,
        "policy_per_month": row.policy,
        "saved_per_month": row.saved,
    }


def _table(rows: Sequence[Saving]) -> Table:
    """The last column counts only what the verdict lets act: a refused policy saves nothing."""
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD)
    table.add_column("a month, at requests")
    for heading in ("HPA, default", "incumbent", "policy", "verdict", "saved by what may act"):
        table.add_column(heading, justify="right")
    for row in rows:
        word = "accepted" if row.accepted else "refused"
        table.add_row(row.key, *_money(row), word, f"{row.saved:+.2f}")
    table.add_section()
    table.add_row(
        "all",
        *(
            f"{sum(getattr(row, name) for row in rows):.2f}"
            for name in ("default", "incumbent", "policy")
        ),
        f"{sum(row.accepted for row in rows)} of {len(rows)}",
        f"{sum(row.saved for row in rows):+.2f}",
    )
    return table


def _money(row: Saving) -> list[str]:
    return [f"{value:.2f}" for value in (row.default, row.incumbent, row.policy)]
