"""`aware discover`: a workloads file proposed from what runs in the cluster."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from pipelines.cluster_access import user_kubeconfig
from pipelines.command_panels import PREPARE


def register(app: typer.Typer) -> None:
    """Add the command."""

    @app.command(rich_help_panel=PREPARE)
    def discover(
        namespace: Annotated[str, typer.Option(help="Only there; all if not given.")] = "",
        everything: Annotated[
            bool, typer.Option("--all", help="Also what nobody annotated to be scaled.")
        ] = False,
        output: Annotated[
            Path | None, typer.Option(help="File for the YAML. Else standard output.")
        ] = None,
        force: Annotated[bool, typer.Option("--force", help="Replace an existing file.")] = False,
    ) -> None:
        """Propose workloads.yaml from annotated Deployments, StatefulSets and MPA objects.

        Annotate with aware.autoscaling/scale: "true". What the cluster can't say (the latency that
        users were promised) is null, what is guessed has a comment; both are told. Nothing is
        changed in the cluster.

        Example: aware discover --namespace shop --output workloads.yaml
        """
        from components.artifacts.files import write_text
        from components.errors import UserError
        from components.kubernetes_api.client import connect
        from components.migration.discovery import SCALE
        from components.migration.seen import seen_in
        from components.migration.workloads_file import uncertain, workloads_text

        if output and output.exists() and not force:
            raise UserError(f"{output} exists; give another file, or --force to replace it")
        client = connect(user_kubeconfig(os.environ, Path.home()))
        found, notes = seen_in(client, namespace)
        chosen = [one for one in found if everything or one.asked_for]
        for note in notes:
            print(note, file=sys.stderr)
        if not chosen:
            raise UserError(
                f'nothing to propose: annotate a Deployment or StatefulSet with {SCALE}: "true", or'
                " give --all"
            )
        for one in chosen:
            for sentence in uncertain(one):
                print(f"{one.key}: {sentence}", file=sys.stderr)
        text = workloads_text(chosen)
        if output is None:
            typer.echo(text, nl=False)
        else:
            write_text(output, text)
            typer.echo(output)
