"""`aware explain`: one workload of a finished run, or of the cluster, in words."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Annotated

import typer

from pipelines.command_panels import LOOK


def register(app: typer.Typer) -> None:
    """Add the command."""

    @app.command(rich_help_panel=LOOK)
    def explain(
        workload: Annotated[str, typer.Argument(help="namespace/name")],
        run: Annotated[Path, typer.Option(help="A finished run.")] = Path("runs/latest"),
        cluster: Annotated[
            bool, typer.Option(help="What runs now, from the cluster that kubectl uses.")
        ] = False,
        as_json: Annotated[bool, typer.Option("--json", help="JSON instead of text.")] = False,
    ) -> None:
        """Why a workload's policy was accepted or refused, what it would do, how to stop it.

        With --cluster: what is recommended now, who decides, why, and against staying put.

        Example: aware explain shop/checkout --run runs/latest
        """
        from rich.markup import escape

        from components.kubernetes_api.client import connect
        from pipelines.answer import run_console
        from pipelines.cluster_access import user_kubeconfig
        from pipelines.explanation import explanation
        from pipelines.facts import read_facts
        from pipelines.live_explanation import live_explanation
        from pipelines.runs import finished_run

        if cluster:
            client = connect(user_kubeconfig(os.environ, Path.home()))
            sections = live_explanation(client, workload)
        else:
            sections = explanation(read_facts(finished_run(run), {}), workload)
        if as_json:
            typer.echo(json.dumps({part.heading: list(part.lines) for part in sections}))
            return
        console = run_console()
        for part in sections:
            console.print(f"\n[bold]{escape(part.heading)}")
            for line in part.lines:
                console.print(f"  {line}", markup=False)
