"""What a store promises, whichever one is behind it."""

from __future__ import annotations

import re
from typing import Protocol

from components.errors import UserError

_PART = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*")


class MissingObjectError(UserError):
    """Nothing is stored under the key."""


class AlreadyWrittenError(UserError):
    """Other content is already stored under a key that is written once."""


class Store(Protocol):
    """Named byte strings. A reader sees the old or the new content of a key, never a part of it.

    A key is a path of parts like "policies/ab12/bundle.json". Every method raises UserError for
    what the user has to put right (credentials, permissions, a full disk) and TemporaryError for
    what may pass by itself (a server that doesn't answer).
    """

    def read(self, key: str) -> bytes:
        """The content of a key; raises MissingObjectError when there is none."""
        ...

    def read_tagged(self, key: str) -> tuple[bytes, str] | None:
        """The content and the tag that names this version of it, or None when there is none."""
        ...

    def write_once(self, key: str, data: bytes) -> None:
        """Stores `data`, for good. The same content again changes nothing.

        Raises AlreadyWrittenError when other content is there.
        """
        ...

    def write_if(self, key: str, data: bytes, tag: str | None) -> bool:
        """Stores `data` if the key still has this tag (None: if it has no content at all).

        Returns whether it was stored: of several writers that hold one tag, exactly one wins.
        """
        ...

    def written_s(self, key: str) -> float | None:
        """When the key was last written, seconds since 1970 by the store's clock; None: never."""
        ...

    def delete(self, key: str) -> None:
        """Removes the key and its content; nothing where there is none."""
        ...

    def list(self, prefix: str) -> list[str]:
        """The keys that begin with `prefix`, sorted."""
        ...

    def versions(self, prefix: str) -> dict[str, str]:
        """What names the version of each key that begins with `prefix`, by one listing.

        It changes when the content does, and compares with other listings' only: not with a tag.
        """
        ...


def checked_key(key: str) -> str:
    """The key itself; raises UserError for a part that could leave the store or hide in it."""
    if not all(_PART.fullmatch(part) for part in key.split("/")):
        raise UserError(
            f"store key {key!r} is not valid: use letters, digits, '.', '_' and '-' between slashes"
        )
    return key


def already_written(place: str) -> AlreadyWrittenError:
    """The error for a write-once key that holds something else."""
    return AlreadyWrittenError(
        f"{place} already holds other content and is written once: it was altered, restore or"
        " delete it"
    )
