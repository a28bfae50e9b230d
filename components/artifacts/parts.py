"""What the parts of a stage left, put together as if one machine had done all of it."""

from __future__ import annotations

import shutil
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

from components.artifacts.files import read_json
from components.errors import UserError


def joined_documents(parts: Sequence[Path], name: str) -> dict[str, Any]:
    """Return the entries of each part's JSON file `name`, in the parts' order.

    Raises UserError when a part lacks the file, and when two parts have the same entry.
    """
    joined: dict[str, Any] = {}
    for part in parts:
        document = read_json(part / name)
        twice = sorted(joined.keys() & document.keys())
        if twice:
            raise UserError(f"{part / name} has {twice[0]} again: give each part once")
        joined.update(document)
    return joined


def copy_parts(parts: Sequence[Path], folder: Path, without: Collection[str]) -> None:
    """Copy the parts' files to the same places below `folder`, but not those named in `without`.

    Hidden files stay behind: they are locks. The same file in two parts must have one content
    (bundles are named by theirs). Raises UserError where it hasn't.
    """
    for part in parts:
        for source in sorted(path for path in part.rglob("*") if path.is_file()):
            if source.name in without or source.name.startswith("."):
                continue
            target = folder / source.relative_to(part)
            if target.exists() and target.read_bytes() != source.read_bytes():
                raise UserError(f"{source} differs from the same file of another part")
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, target)
