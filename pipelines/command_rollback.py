"""`aware rollback`: takes a workload's policy back; the incumbent acts from the next tick on."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from components.errors import UserError
from pipelines.command_panels import OPERATE


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command(rich_help_panel=OPERATE)(rollback)


def rollback(
    workload: Annotated[str, typer.Argument(help="NAMESPACE/NAME.")],
    store: Annotated[str, typer.Option(help="A folder or minio://bucket/prefix.")],
    to: Annotated[
        str, typer.Option(help="Digest of an earlier bundle, to begin in the shadow with it.")
    ] = "",
) -> None:
    """Stop a workload's policy: the incumbent acts again. Twice is as good as once.

    Example: aware rollback shop/checkout --store minio://aware/store
    """
    # What only this command needs.
    from components.artifacts.bundle import load, stored_signature
    from components.artifacts.channel import INCUMBENT, SHADOW, move_channel, read_channel
    from components.artifacts.collection import keep_published
    from components.artifacts.open import existing_store

    namespace, slash, name = workload.partition("/")
    if not slash or not namespace or not name or "/" in name:
        raise UserError(f"workload {workload!r} is not NAMESPACE/NAME")
    opened = existing_store(store, os.environ)
    before = read_channel(opened, namespace, name)
    if to:
        bundle = load(opened, to)
        if bundle.workload != workload:
            raise UserError(f"bundle {to[:12]} isn't {workload}'s: give one of its own")
        signature = stored_signature(opened, to)
        move_channel(opened, namespace, name, to, SHADOW)
        signed_as_before = None if signature is None else lambda _: signature
        keep_published(opened, bundle, signer=signed_as_before)
        typer.echo(f"{workload}: policy {to} begins in the shadow; the incumbent acts")
        return
    if before.current is None or before.state == INCUMBENT:
        typer.echo(f"{workload}: the incumbent acts already")
        return
    move_channel(opened, namespace, name, before.current, INCUMBENT)
    typer.echo(f"{workload}: policy {before.current} was {before.state}; now the incumbent acts")
    if before.previous:
        typer.echo(f"the policy before it: --to {before.previous}")
