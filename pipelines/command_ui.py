"""`aware ui`: a finished run as a web page on this machine."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from components.page.costs import CORE_PRICE, GIB_PRICE, Prices
from pipelines.command_panels import LOOK


def register(app: typer.Typer) -> None:
    """Add the command."""

    @app.command(rich_help_panel=LOOK)
    def ui(
        run: Annotated[Path, typer.Option(help="A finished run.")] = Path("runs/latest"),
        port: Annotated[int, typer.Option(min=0, max=65535, help="0: a free one.")] = 8787,
        core_price: Annotated[float, typer.Option(min=0, help="Of a core an hour.")] = CORE_PRICE,
        gib_price: Annotated[float, typer.Option(min=0, help="Of a GiB an hour.")] = GIB_PRICE,
    ) -> None:
        """Show a run's workloads in the browser, on this machine only; Ctrl-C ends it.

        Example: aware ui --run runs/latest
        """
        from components.page.server import page_server
        from pipelines.facts import read_facts
        from pipelines.page_of_run import documents
        from pipelines.runs import finished_run

        folder = finished_run(run)
        answers = documents(
            read_facts(folder, {}),
            source=f"run {folder.path.name}",
            generated=folder.finished.isoformat(timespec="seconds"),
            prices=Prices(core_price, gib_price),
        )
        with page_server("127.0.0.1", port, answers) as server:
            typer.echo(f"http://127.0.0.1:{server.server_address[1]}  (Ctrl-C ends it)")
            server.serve_forever()
