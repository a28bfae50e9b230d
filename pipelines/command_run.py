"""`aware run` and `aware retrain`: the whole path on this machine."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipelines.command_panels import LEARN

if TYPE_CHECKING:
    from pipelines.commands import Options
    from pipelines.runs import RunFolder

Output = Annotated[Path, typer.Option(help="Folder for the runs; each gets its own inside.")]
Seed = Annotated[int, typer.Option(min=0, help="The same seed and input give the same result.")]
Quick = Annotated[bool, typer.Option("--quick", help="Small sizes: a look, not a result.")]
Store = Annotated[
    str,
    typer.Option(help="Publish bundles there: a folder or minio://bucket/prefix. Else a dry run."),
]
AsJson = Annotated[
    bool, typer.Option("--json", help="No bars and no table; the run's summary as JSON.")
]
Quiet = Annotated[
    bool, typer.Option("--quiet", help="No bars and no table; the run's folder alone.")
]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    for command in (run, retrain):
        app.command(rich_help_panel=LEARN)(command)


def run(
    output: Output = Path("runs"),
    telemetry: Annotated[
        Path | None, typer.Option(help="Folder with workloads.yaml and a Parquet file each.")
    ] = None,
    later: Annotated[
        Path | None, typer.Option(help="A later recording: check it for drift and retrain.")
    ] = None,
    prometheus: Annotated[str, typer.Option(help="URL of a Prometheus to read instead.")] = "",
    workloads: Annotated[
        Path | None, typer.Option(help="YAML of the workloads, with --prometheus.")
    ] = None,
    start: Annotated[str, typer.Option(help="First time to read, RFC 3339.")] = "",
    end: Annotated[str, typer.Option(help="Last time to read, RFC 3339.")] = "",
    store: Store = "",
    seed: Seed = 0,
    quick: Quick = False,
    quiet: Quiet = False,
    as_json: AsJson = False,
) -> None:
    """Learn a policy from telemetry, compare it with HPA and VPA, write what would be applied.

    Example: aware run --telemetry images/synthetic_app/recordings --output runs
    """
    from pipelines import commands

    source = commands.Source(
        telemetry=telemetry, prometheus=prometheus, workloads=workloads, start=start, end=end
    )
    options = commands.Options(store, seed, quick, plain=quiet or as_json)
    _tell(commands.run(source, later, output, options), options, as_json)


def retrain(
    run: Annotated[Path, typer.Option(help="The finished run to start from, such as runs/latest.")],
    telemetry: Annotated[Path, typer.Option(help="Recent telemetry, as a folder.")],
    output: Annotated[
        Path | None, typer.Option(help="Folder for the runs; beside RUN where it isn't given.")
    ] = None,
    store: Store = "",
    seed: Seed = 0,
    quick: Quick = False,
    quiet: Quiet = False,
    as_json: AsJson = False,
) -> None:
    """Check recent telemetry for drift and retrain what drifted.

    Example: aware retrain --run runs/latest --telemetry images/synthetic_app/recordings-later
    """
    from pipelines import commands

    options = commands.Options(store, seed, quick, plain=quiet or as_json)
    _tell(commands.retrain(run, telemetry, output, options), options, as_json)


def _tell(folder: RunFolder, options: Options, as_json: bool) -> None:
    """Print what a program reads: one line of JSON, or the folder's path."""
    from components.artifacts.files import read_json

    if as_json:
        typer.echo(json.dumps(read_json(folder.summary)))
    elif options.plain:
        typer.echo(folder.path)
