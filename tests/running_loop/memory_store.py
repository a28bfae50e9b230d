"""A store in memory whose every call passes hooks, that may fail it or change what it reads."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field

from components.artifacts.store import MissingObjectError

Hook = Callable[[str, str], None]
Reading = Callable[[str, bytes], bytes]


@dataclass
class HookedStore:
    """`before`: called with (operation, key). `reading`: changes the bytes that are read.

    `loses`: whether a conditional write is lost to somebody else.
    """

    contents: dict[str, bytes] = field(default_factory=dict)
    before: list[Hook] = field(default_factory=list)
    after: list[Hook] = field(default_factory=list)
    reading: list[Reading] = field(default_factory=list)
    loses: int = 0

    def read(self, key: str) -> bytes:
        self._hooks("read", key)
        if key not in self.contents:
            raise MissingObjectError(f"{key} is not there")
        return self._as_read(key)

    def read_tagged(self, key: str) -> tuple[bytes, str] | None:
        self._hooks("read", key)
        if key not in self.contents:
            return None
        return self._as_read(key), _tag(self.contents[key])

    def write_once(self, key: str, data: bytes) -> None:
        self._hooks("write", key)
        self.contents.setdefault(key, data)
        self._written(key)

    def write_if(self, key: str, data: bytes, tag: str | None) -> bool:
        self._hooks("write", key)
        now = _tag(self.contents[key]) if key in self.contents else None
        if self.loses or now != tag:
            return False
        self.contents[key] = data
        self._written(key)
        return True

    def list(self, prefix: str) -> list[str]:
        self._hooks("list", prefix)
        return sorted(key for key in self.contents if key.startswith(prefix))

    def versions(self, prefix: str) -> dict[str, str]:
        return {key: _tag(self._as_read(key)) for key in self.list(prefix)}

    def _as_read(self, key: str) -> bytes:
        data = self.contents[key]
        for change in self.reading:
            data = change(key, data)
        return data

    def _hooks(self, operation: str, key: str) -> None:
        for hook in list(self.before):
            hook(operation, key)

    def _written(self, key: str) -> None:
        for hook in list(self.after):
            hook("write", key)


def _tag(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
