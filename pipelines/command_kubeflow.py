"""The commands that speak with Kubeflow Pipelines: upload, submit, schedule, runs, logs, wait."""

from __future__ import annotations

import json
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipelines.command_panels import KUBEFLOW

if TYPE_CHECKING:
    from pipelines.kubeflow_connection import Server

Host = Annotated[
    str, typer.Option(help="Address of Kubeflow Pipelines; else KF_PIPELINES_ENDPOINT.")
]
Namespace = Annotated[
    str, typer.Option(help="Profile's namespace; else AWARE_KUBEFLOW_NAMESPACE; empty: one user.")
]
CaFile = Annotated[str, typer.Option(help="Certificate authority of the server, as PEM.")]
Timeout = Annotated[int, typer.Option(min=1, max=600, help="Seconds to wait for an answer.")]
Experiment = Annotated[str, typer.Option(help="Where the runs are listed; made if missing.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    for command in (upload, submit, schedule, runs, logs, wait):
        app.command(rich_help_panel=KUBEFLOW)(command)


def upload(
    images: Annotated[Path, typer.Option(help="YAML of the stages' images by digest.")],
    host: Host = "",
    namespace: Namespace = "",
    ca_file: CaFile = "",
    timeout: Timeout = 60,
) -> None:
    """Upload both pipelines as new versions; the same content again changes nothing.

    Example: aware upload --images images.yaml --host https://kubeflow.example/pipeline
    """
    from pipelines import kubeflow_runs
    from pipelines.compile import compile_pipelines
    from pipelines.image_references import read_images

    server = _server(host, namespace, ca_file, timeout)
    with tempfile.TemporaryDirectory() as folder:
        for path in compile_pipelines(Path(folder), read_images(images)):
            version, is_new = kubeflow_runs.upload(server, path, path.stem)
            typer.echo(f"{'uploaded' if is_new else 'unchanged':<10} {path.stem} {version}")


def submit(
    pipeline: Annotated[str, typer.Argument(help="autoscaling or retraining.")],
    values: Annotated[
        list[str] | None, typer.Option("--set", help="NAME=VALUE of a parameter; repeatable.")
    ] = None,
    version: Annotated[str, typer.Option(help="The pipeline's version; else the newest.")] = "",
    experiment: Experiment = "aware",
    name: Annotated[str, typer.Option(help="The run's name.")] = "",
    host: Host = "",
    namespace: Namespace = "",
    ca_file: CaFile = "",
    timeout: Timeout = 60,
) -> None:
    """Start a run of an uploaded pipeline and print its id.

    Example: aware submit autoscaling --set prometheus_url=http://prometheus:9090
    """
    from components.errors import UserError
    from pipelines import kubeflow_runs
    from pipelines.compile import PIPELINES
    from pipelines.pipeline_arguments import checked_arguments, parsed_arguments

    if pipeline not in PIPELINES:
        raise UserError(f"no pipeline {pipeline}; there are {', '.join(PIPELINES)}")
    arguments = parsed_arguments(PIPELINES[pipeline], values or [])
    checked_arguments(PIPELINES[pipeline], arguments)
    server = _server(host, namespace, ca_file, timeout)
    typer.echo(kubeflow_runs.submit(server, pipeline, version, experiment, name, arguments))


def schedule(
    file: Annotated[Path, typer.Argument(help="YAML of the recurring runs of one set.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would change.")] = False,
    host: Host = "",
    namespace: Namespace = "",
    ca_file: CaFile = "",
    timeout: Timeout = 60,
) -> None:
    """Bring the recurring runs of a set to what the file says: make, replace, remove.

    Example: aware schedule schedules.yaml --dry-run
    """
    from pipelines.clock import system_clock
    from pipelines.schedule_apply import apply_schedules
    from pipelines.schedule_file import read_schedules

    wanted = read_schedules(file)
    server = _server(host, namespace, ca_file, timeout)
    for line in apply_schedules(server, wanted, system_clock(time.sleep), dry_run):
        typer.echo(line)


def runs(
    most: Annotated[int, typer.Option("--most", min=1, max=10000, help="How many.")] = 20,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document a line.")] = False,
    host: Host = "",
    namespace: Namespace = "",
    ca_file: CaFile = "",
    timeout: Timeout = 60,
) -> None:
    """List the newest runs: id, state, start, name.

    Example: aware runs --most 50
    """
    from pipelines import kubeflow_runs

    for one in kubeflow_runs.recent_runs(_server(host, namespace, ca_file, timeout), most):
        shown = {
            "id": one.run_id,
            "state": one.state or "PENDING",
            "created": f"{one.created_at:%Y-%m-%dT%H:%M:%SZ}",
            "name": one.display_name,
        }
        line = f"{shown['id']}  {shown['state']:<10} {shown['created']}  {shown['name']}"
        typer.echo(json.dumps(shown) if as_json else line)


def logs(
    run: Annotated[str, typer.Argument(help="The run's id.")],
    host: Host = "",
    namespace: Namespace = "",
    ca_file: CaFile = "",
    timeout: Timeout = 60,
) -> None:
    """Print each task's state, error and log.

    Example: aware logs 7f9c2b1e-0000-4000-8000-000000000000
    """
    from pipelines import kubeflow_runs

    for line in kubeflow_runs.log_lines(_server(host, namespace, ca_file, timeout), run):
        typer.echo(line)


def wait(
    run: Annotated[str, typer.Argument(help="The run's id.")],
    limit: Annotated[float, typer.Option(min=0, help="Seconds to wait at most.")] = 86400.0,
    poll: Annotated[float, typer.Option(min=0.1, help="Seconds between two looks.")] = 10.0,
    host: Host = "",
    namespace: Namespace = "",
    ca_file: CaFile = "",
    timeout: Timeout = 60,
) -> None:
    """Wait until a run is over: exit code 0 if it succeeded, 1 if not.

    Example: aware wait 7f9c2b1e-0000-4000-8000-000000000000 --limit 7200
    """
    from pipelines import kubeflow_runs
    from pipelines.clock import system_clock

    server = _server(host, namespace, ca_file, timeout)
    typer.echo(kubeflow_runs.wait(server, run, system_clock(time.sleep), limit, poll))


def _server(host: str, namespace: str, ca_file: str, timeout_s: int) -> Server:
    import os
    import warnings

    from pipelines.kubeflow_connection import Server, connection, open_client

    settings = connection(host, namespace, ca_file, timeout_s, os.environ)
    with warnings.catch_warnings():
        # kfp tells everybody which servers it works with.
        warnings.simplefilter("ignore", FutureWarning)
        client = open_client(settings)
    return Server(client, settings.host, settings.namespace)
