"""`aware store`: deletes bundles that nobody needs, after saying which; signs those in use."""

from __future__ import annotations

import json
import os
import re
from typing import TYPE_CHECKING, Annotated

import typer

from components.errors import UserError
from pipelines.command_panels import OPERATE

if TYPE_CHECKING:
    from components.artifacts.collection import Plan

_UNITS_S = {"h": 3600.0, "d": 86400.0}
_SPAN = re.compile(r"(?P<count>[0-9]{1,6})(?P<unit>[hd])")
# A run's own bundles are referred to within minutes.
_SHORTEST_S = 3600.0


def register(app: typer.Typer) -> None:
    """Adds the commands."""
    store = typer.Typer(help="Look after the store of bundles.", no_args_is_help=True)
    store.command()(clean)
    store.command()(sign)
    app.add_typer(store, name="store", rich_help_panel=OPERATE)


def clean(
    store: Annotated[str, typer.Option(help="A folder or minio://bucket/prefix.")],
    older_than: Annotated[
        str, typer.Option(help="Nothing younger is deleted: hours or days, such as 30d.")
    ] = "30d",
    keep: Annotated[
        int, typer.Option(min=0, help="So many newest accepted ones of each workload always stay.")
    ] = 3,
    delete: Annotated[bool, typer.Option("--delete", help="Do it, instead of saying it.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """Delete bundles that no channel names, are old, and not among a workload's newest accepted.

    Example: aware store clean --store minio://aware/store --older-than 30d
    """
    import time

    from components.artifacts.collection import collect, named_digests, plan, stored_bundles
    from components.artifacts.open import existing_store

    age_s = _seconds(older_than)
    opened = existing_store(store, os.environ)
    found = plan(stored_bundles(opened), named_digests(opened), time.time(), keep, age_s)
    deleted: list[str] = []
    if delete:
        owner = f"{os.environ.get('HOSTNAME', 'aware')}-{os.getpid()}"
        deleted = collect(opened, [one.digest for one in found.deleted], owner)
    typer.echo(_json(found, deleted) if as_json else _told(found, deleted, delete, age_s))


def sign(
    store: Annotated[str, typer.Option(help="A folder or minio://bucket/prefix.")],
) -> None:
    """Sign the bundles that channels name, published before there was a key.

    The private key is the PEM text in AWARE_SIGNING_KEY. What is signed already stays as it is.

    Example: aware store sign --store minio://aware/store
    """
    from components.artifacts import signature
    from components.artifacts.collection import named_digests
    from components.artifacts.open import existing_store
    from components.rollout.config import SIGNING_KEY_VARIABLE

    pem = os.environ.get(SIGNING_KEY_VARIABLE, "")
    if not pem:
        raise UserError(f"{SIGNING_KEY_VARIABLE} is empty: set it to the private key's PEM text")
    key = signature.read_private_key(pem.encode())
    opened = existing_store(store, os.environ)
    for digest in sorted(named_digests(opened)):
        signature.sign(opened, digest, key)
        typer.echo(f"{digest}  signed")


def _seconds(text: str) -> float:
    match = _SPAN.fullmatch(text)
    if match is None:
        raise UserError(f"--older-than {text} is no span: write hours or days, such as 12h or 30d")
    span_s = int(match["count"]) * _UNITS_S[match["unit"]]
    if span_s < _SHORTEST_S:
        raise UserError(f"--older-than {text}: give an hour at least, for runs that are under way")
    return span_s


def _told(found: Plan, deleted: list[str], delete: bool, age_s: float) -> str:
    done = set(deleted)
    lines = []
    for one in found.deleted:
        what = one.workload or "never finished"
        state = ("deleted" if one.digest in done else "kept") if delete else "would go"
        lines.append(f"{one.digest}  {what}: {state}")
    count = f"{len(done)} deleted" if delete else f"{len(found.deleted)} would be deleted"
    lines.append(
        f"{count}; {found.named} are in use, {found.newest} among a workload's newest,"
        f" {found.young} younger than {age_s / 86400:g} days"
    )
    if found.deleted and not delete:
        lines.append("nothing was deleted: --delete does it")
    return "\n".join(lines)


def _json(found: Plan, deleted: list[str]) -> str:
    return json.dumps(
        {
            "unneeded": [one.digest for one in found.deleted],
            "deleted": deleted,
            "in_use": found.named,
            "newest": found.newest,
            "young": found.young,
        }
    )
