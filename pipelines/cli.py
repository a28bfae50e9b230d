"""The `aware` command. A user's mistake is one line and exit code 2, never a traceback.

Exit codes: 0 done; 1 a fault of the product's; 2 a mistake that the user can mend; 130 stopped
with Ctrl-C; 143 stopped by SIGTERM.
"""

from __future__ import annotations

import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from types import FrameType
from typing import Annotated

import typer

from components.errors import UserError
from pipelines import (
    command_bench,
    command_doctor,
    command_explain,
    command_import,
    command_kubeflow,
    command_preflight,
    command_rollback,
    command_savings,
    command_simulate,
    command_ui,
)
from pipelines.runs import StageFailedError

USER_ERROR_EXIT_CODE = 2
SIGTERM_EXIT_CODE = 128 + signal.SIGTERM

app = typer.Typer(
    name="aware",
    help="Learn how to scale Kubernetes workloads, prove it against HPA and VPA, roll it out.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
command_bench.register(app)
command_doctor.register(app)
command_explain.register(app)
command_import.register(app)
command_kubeflow.register(app)
command_preflight.register(app)
command_rollback.register(app)
command_savings.register(app)
command_simulate.register(app)
command_ui.register(app)

Output = Annotated[Path, typer.Option(help="Folder for the runs; each gets its own inside.")]
Seed = Annotated[int, typer.Option(min=0, help="The same seed and input give the same result.")]
Quick = Annotated[bool, typer.Option("--quick", help="Small sizes: a look, not a result.")]
Store = Annotated[
    str,
    typer.Option(help="Publish bundles there: a folder or minio://bucket/prefix. Else a dry run."),
]


@app.command()
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
) -> None:
    """Learn a policy from telemetry, compare it with HPA and VPA, write what would be applied.

    Example: aware run --telemetry images/synthetic_app/recordings --output runs
    """
    from pipelines import commands

    source = commands.Source(
        telemetry=telemetry, prometheus=prometheus, workloads=workloads, start=start, end=end
    )
    commands.run(source, later, output, commands.Options(store, seed, quick))


@app.command()
def retrain(
    run: Annotated[Path, typer.Option(help="The finished run to start from, such as runs/latest.")],
    telemetry: Annotated[Path, typer.Option(help="Recent telemetry, as a folder.")],
    output: Annotated[
        Path | None, typer.Option(help="Folder for the runs; beside RUN where it isn't given.")
    ] = None,
    store: Store = "",
    seed: Seed = 0,
    quick: Quick = False,
) -> None:
    """Check recent telemetry for drift and retrain what drifted.

    Example: aware retrain --run runs/latest --telemetry recordings-later
    """
    from pipelines import commands

    commands.retrain(run, telemetry, output, commands.Options(store, seed, quick))


@app.command()
def compile(  # noqa: A001 (the command's name)
    output: Annotated[Path, typer.Option(help="Folder for the YAML files.")] = Path("compiled"),
    images: Annotated[
        Path | None, typer.Option(help="YAML of the stages' images by digest.")
    ] = None,
    local_images: Annotated[
        bool, typer.Option("--local-images", help="Images by the tags of a build on this machine.")
    ] = False,
    engine: Annotated[str, typer.Option(help="kubeflow, or argo for Argo Workflows.")] = "kubeflow",
    cron: Annotated[
        str, typer.Option(help="When Argo's CronWorkflows run once they are resumed, UTC.")
    ] = "30 2 * * *",
) -> None:
    """Write both pipelines for Kubeflow or for Argo Workflows.

    Example: aware compile --images images.yaml --output compiled
    """
    from pipelines.compile import compile_for_argo, compile_pipelines
    from pipelines.image_references import read_images

    if (images is None) != local_images:
        raise UserError(
            "give --images FILE, the stages' images by digest, or --local-images to look at the "
            "result with tags, which a cluster's cache can't tell apart"
        )
    if engine not in ("kubeflow", "argo"):
        raise UserError(f"no engine {engine}; there are kubeflow and argo")
    by_digest = read_images(images) if images else None
    if engine == "argo":
        paths = compile_for_argo(output, by_digest, cron)
    else:
        paths = compile_pipelines(output, by_digest)
    for path in paths:
        typer.echo(path)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line; end the process with its exit code."""
    signal.signal(signal.SIGTERM, _terminate)
    sys.exit(_exit_code(arguments))


def _exit_code(arguments: Sequence[str] | None) -> int:
    try:
        code = app(args=arguments, prog_name="aware", standalone_mode=False)
    except typer.TyperException as error:
        return _fail(error.format_message(), USER_ERROR_EXIT_CODE)
    except UserError as error:
        return _fail(str(error), USER_ERROR_EXIT_CODE)
    except StageFailedError as error:
        return _fail(str(error), 1)
    except typer.Abort:
        return 130
    return code if isinstance(code, int) else 0


def _fail(message: str, code: int) -> int:
    print("error: " + " ".join(message.split()), file=sys.stderr)
    return code


def _terminate(_number: int, _frame: FrameType | None) -> None:
    # As an exception, so that the run's folder is cleaned up on the way out.
    raise SystemExit(SIGTERM_EXIT_CODE)
