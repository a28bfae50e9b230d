"""`aware doctor`: is everything in place, and if not, what is to be done?"""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipelines.command_panels import PREPARE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pipelines.doctor import Finding

TIMEOUT_S = 10


def register(app: typer.Typer) -> None:
    """Add the command."""

    @app.command(rich_help_panel=PREPARE)
    def doctor(
        output: Annotated[Path, typer.Option(help="Where runs will go.")] = Path("runs"),
        workloads: Annotated[Path | None, typer.Option(help="workloads.yaml to read.")] = None,
        prometheus: Annotated[str, typer.Option(help="URL of a Prometheus to ask.")] = "",
        store: Annotated[str, typer.Option(help="Store: a folder or minio://bucket.")] = "",
        cluster: Annotated[bool, typer.Option("--cluster", help="Look at the cluster.")] = False,
        as_json: Annotated[bool, typer.Option("--json", help="JSON instead of a table.")] = False,
    ) -> None:
        """Check this machine, and what else is named; exit code 2 where something has to be mended.

        Example: aware doctor --cluster --prometheus https://prometheus.example --store runs/store
        """
        from components.artifacts.open import open_store
        from components.kubernetes_api.client import connect
        from pipelines import doctor as checks
        from pipelines.cluster_access import user_kubeconfig

        findings = checks.here(output, workloads)
        if store:
            findings.append(checks.store(store, lambda url: open_store(url, os.environ)))
        if prometheus:
            findings += checks.prometheus(prometheus, lambda metric: _series(prometheus, metric))
        if cluster:
            kubeconfig = user_kubeconfig(os.environ, Path.home())
            findings += checks.cluster(lambda: connect(kubeconfig))
        if as_json:
            typer.echo(json.dumps([_entry(finding) for finding in findings]))
        else:
            _show(findings)
        if wrong := sum(not finding.right for finding in findings):
            typer.echo(f"{wrong} of {len(findings)} to be mended", err=True)
            raise typer.Exit(2)


def _series(url: str, metric: str) -> int:
    """Return how many series of that name the Prometheus has now."""
    from components.metrics.prometheus import PrometheusClient
    from components.metrics.session import access_from

    client = PrometheusClient(url, TIMEOUT_S, access=access_from(os.environ))
    try:
        answer = client.at(f"count({metric})", int(time.time() * 1000))
    finally:
        client.close()
    return int(answer[0].values[-1]) if answer else 0


def _entry(finding: Finding) -> dict[str, str | bool]:
    return {
        "name": finding.name,
        "right": finding.right,
        "found": finding.found,
        "mend": "" if finding.right else finding.mend,
    }


def _show(findings: Sequence[Finding]) -> None:
    from rich import box
    from rich.markup import escape
    from rich.table import Table

    from pipelines.answer import run_console

    table = Table(box=box.SIMPLE_HEAD, show_header=False)
    for finding in findings:
        mark = "[green]ok[/]" if finding.right else "[red]mend[/]"
        mend = "" if finding.right else f"\n-> {escape(finding.mend)}"
        table.add_row(mark, escape(finding.name), escape(finding.found) + mend)
    run_console().print(table)
