"""`aware preflight`: does a Prometheus hold what each workload needs, and what to change."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipelines.command_panels import PREPARE

if TYPE_CHECKING:
    from components.ingestion.quality import Quality

MINUTES = 15


def register(app: typer.Typer) -> None:
    """Add the command."""

    @app.command(rich_help_panel=PREPARE)
    def preflight(
        prometheus: Annotated[str, typer.Option(help="URL of the Prometheus.")],
        workloads: Annotated[Path, typer.Option(help="YAML of the workloads.")],
        end: Annotated[str, typer.Option(help="Look at the time up to here, ISO 8601.")] = "",
        as_json: Annotated[bool, typer.Option("--json", help="JSON instead of a table.")] = False,
    ) -> None:
        """Show for each workload which series exist, which are missing and what to change.

        Exit code 0: every workload is usable; 2: one isn't. AWARE_PROMETHEUS_* variables hold
        credentials (TOKEN, TOKEN_FILE, USER, PASSWORD, CA_FILE, CERT_FILE, KEY_FILE).

        Example: aware preflight --prometheus http://localhost:9090 --workloads workloads.yaml
        """
        report = _report(prometheus, workloads, end)
        if as_json:
            typer.echo(json.dumps({key: _entry(quality) for key, quality in report.items()}))
        else:
            _show(report)
        if wrong := sum(not quality.usable for quality in report.values()):
            typer.echo(f"{wrong} of {len(report)} workloads aren't usable yet", err=True)
            raise typer.Exit(2)


def _report(url: str, workloads: Path, end: str) -> dict[str, Quality]:
    from datetime import UTC, datetime, timedelta

    from components.ingestion.config import IngestionConfig, time_range
    from components.ingestion.quality import judge
    from components.metrics.grid import grid_between
    from components.metrics.prometheus import PrometheusClient
    from components.metrics.scrape import (
        has_native_histograms,
        pieces_of,
        queries_of,
        taken_of,
    )
    from components.metrics.session import access_from
    from components.workload.spec import load_workloads

    config = IngestionConfig(prometheus_url=url, workloads=str(workloads), end=end)
    specs = load_workloads(workloads)
    _, last = time_range(config, datetime.now(UTC))
    first = last - timedelta(minutes=MINUTES)
    grid = grid_between(round(first.timestamp() * 1000), round(last.timestamp() * 1000))
    queries = queries_of(specs, config.rate_window_s)
    client = PrometheusClient(url, config.timeout_s, access=access_from(os.environ))
    try:
        client.check()
        native = has_native_histograms(client, specs)
        pieces = pieces_of(client, specs, grid, config.rate_window_s, native=native)
    finally:
        client.close()
    return {spec.key: judge(taken_of(spec, pieces[spec.key], queries)) for spec in specs}


def _entry(quality: Quality) -> dict[str, Any]:
    return {
        "usable": quality.usable,
        "missing_series": quality.missing_series,
        "missing_share": quality.missing_share,
        "reason": quality.reason,
    }


def _show(report: dict[str, Quality]) -> None:
    from rich import box
    from rich.markup import escape
    from rich.table import Table

    from pipelines.answer import run_console

    table = Table("workload", "", "there", "missing", "what to change", box=box.SIMPLE_HEAD)
    for key, quality in report.items():
        missing = sorted(set(quality.missing_series.values()))
        there = sum(share < 1 for share in quality.missing_share.values())
        table.add_row(
            escape(key),
            "[green]usable[/]" if quality.usable else "[red]not[/]",
            f"{there} of {len(quality.missing_share)} columns",
            escape("\n".join(missing)),
            escape(quality.reason or "nothing"),
        )
    run_console().print(table)
