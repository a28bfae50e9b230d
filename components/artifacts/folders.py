"""Folders that travel through a store, file by file: what is there already isn't sent again."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

from components.artifacts.files import finished_directory, write_bytes
from components.artifacts.store import Store


def files_of(folder: Path) -> dict[str, Path]:
    """The folder's files by their path in it, sorted; hidden ones are locks and drafts."""
    found = (path for path in folder.rglob("*") if path.is_file())
    names = {path.relative_to(folder).as_posix(): path for path in sorted(found)}
    return {
        name: path
        for name, path in names.items()
        if not any(part.startswith(".") for part in name.split("/"))
    }


def digest_of(folders: Mapping[str, Path]) -> str:
    """SHA-256 of all files of the named folders, their names and their contents."""
    digest = hashlib.sha256()
    for folder in sorted(folders):
        for name, path in files_of(folders[folder]).items():
            content = hashlib.sha256(path.read_bytes()).hexdigest()
            digest.update(f"{folder}/{name} {content}\n".encode())
    return digest.hexdigest()


def send_folder(store: Store, prefix: str, folder: Path) -> None:
    """Puts each file at its place below `prefix`, once; after an interruption only the rest.

    Raises UserError where another file is already there.
    """
    for name, path in files_of(folder).items():
        store.write_once(f"{prefix}/{name}", path.read_bytes())


def fetch_folder(store: Store, prefix: str, folder: Path) -> None:
    """Makes `folder` of what lies below `prefix`, complete or not at all."""
    with finished_directory(folder) as partial:
        for key in store.list(f"{prefix}/"):
            write_bytes(partial / key.removeprefix(f"{prefix}/"), store.read(key))


def remove_folder(store: Store, prefix: str) -> None:
    """Deletes what lies below `prefix`."""
    for key in store.list(f"{prefix}/"):
        store.delete(key)
