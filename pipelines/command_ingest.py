"""`aware ingest`: a dataset from a Prometheus, kept up to date by asking for what is new."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pipelines.command_panels import PREPARE


def register(app: typer.Typer) -> None:
    """Add the command."""

    @app.command(rich_help_panel=PREPARE)
    def ingest(
        prometheus: Annotated[str, typer.Option(help="URL of the Prometheus.")],
        workloads: Annotated[Path, typer.Option(help="YAML of the workloads.")],
        output: Annotated[Path, typer.Option(help="Folder for the dataset; an old one goes.")],
        journal: Annotated[
            Path | None,
            typer.Option(help="Folder that keeps what was asked for; OUTPUT.journal if not given."),
        ] = None,
        days: Annotated[float, typer.Option(help="How long to look back from the end.")] = 1.0,
        start: Annotated[str, typer.Option(help="First time, ISO 8601, instead of days.")] = "",
        end: Annotated[str, typer.Option(help="Last time, ISO 8601; a minute ago else.")] = "",
        streams: Annotated[int, typer.Option(help="Requests under way at once.")] = 4,
    ) -> None:
        """Read telemetry from a Prometheus into a folder for `aware run` and `aware retrain`.

        Interrupted, or run again on a schedule, it asks only for what its journal lacks. A
        Prometheus that restarts is waited for, five minutes at most.

        Example: aware ingest --prometheus http://localhost:9090 --workloads w.yaml --output data
        """
        from components.ingestion.config import IngestionConfig
        from components.ingestion.stage import run
        from components.progress import Progress

        kept = journal or output.with_name(f"{output.name}.journal")
        config = IngestionConfig(
            prometheus_url=prometheus,
            workloads=str(workloads),
            start=start,
            end=end,
            days=days,
            streams=streams,
            journal=str(kept),
        )
        summary = run(config, output, Progress("ingestion"))
        for key, reason in summary.excluded.items():
            typer.echo(f"{key}: {reason}", err=True)
        typer.echo(output)
