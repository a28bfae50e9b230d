"""`aware compile`: both pipelines as YAML for Kubeflow or Argo Workflows."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from components.errors import UserError
from pipelines.command_panels import KUBEFLOW


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("compile", rich_help_panel=KUBEFLOW)(compile_)


def compile_(
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
