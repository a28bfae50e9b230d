"""A store in a local folder."""

from __future__ import annotations

import fcntl
import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from components.artifacts.files import write_bytes, write_error
from components.artifacts.store import MissingObjectError, already_written, checked_key
from components.errors import UserError


@dataclass(frozen=True, slots=True)
class LocalStore:
    """Keys are files below `folder`; the tag of a version is the SHA-256 of its content.

    Writers, in one process or in several, take turns by a lock on a file in the folder. The
    system drops the lock of a process that dies, so a killed writer blocks nobody, and what it
    had begun has no name yet.
    """

    folder: Path

    def read(self, key: str) -> bytes:
        """As Store.read."""
        tagged = self.read_tagged(key)
        if tagged is None:
            raise MissingObjectError(f"{self._path(key)} is not there")
        return tagged[0]

    def read_tagged(self, key: str) -> tuple[bytes, str] | None:
        """As Store.read_tagged."""
        path = self._path(key)
        try:
            data = path.read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise UserError(f"cannot read {path}: {error.strerror}") from error
        return data, _tag(data)

    def write_once(self, key: str, data: bytes) -> None:
        """As Store.write_once."""
        if not self.write_if(key, data, None) and self.read(key) != data:
            raise already_written(str(self._path(key)))

    def write_if(self, key: str, data: bytes, tag: str | None) -> bool:
        """As Store.write_if."""
        path = self._path(key)
        with self._turn():
            tagged = self.read_tagged(key)
            if (tagged[1] if tagged else None) != tag:
                return False
            # One draft for all keys: whoever writes next clears it, whatever that one writes.
            write_bytes(path, data, draft=self.folder / "draft")
            return True

    def written_s(self, key: str) -> float | None:
        """As Store.written_s."""
        try:
            return self._path(key).stat().st_mtime
        except (FileNotFoundError, NotADirectoryError):
            return None

    def delete(self, key: str) -> None:
        """As Store.delete; folders that are empty then go as well."""
        path = self._path(key)
        with self._turn():
            try:
                path.unlink(missing_ok=True)
            except NotADirectoryError:
                return
            except OSError as error:
                raise UserError(f"cannot delete {path}: {error.strerror}") from error
            for folder in path.relative_to(self.folder).parents:
                try:
                    (self.folder / folder).rmdir()
                except OSError:  # not empty, or another writer's by now
                    return

    def list(self, prefix: str) -> list[str]:
        """As Store.list."""
        found = (self.folder / prefix.rpartition("/")[0]).rglob("*")
        keys = (
            path.relative_to(self.folder).as_posix()
            for path in found
            if path.is_file() and not path.name.startswith(".")
        )
        return sorted(key for key in keys if key.startswith(prefix))

    def versions(self, prefix: str) -> dict[str, str]:
        """As Store.versions."""
        found = {}
        for key in self.list(prefix):
            try:
                seen = self._path(key).stat()
            except (FileNotFoundError, NotADirectoryError):
                continue
            # A write is a new file that takes the name.
            found[key] = f"{seen.st_mtime_ns}-{seen.st_ino}-{seen.st_size}"
        return found

    def _path(self, key: str) -> Path:
        return self.folder / checked_key(key)

    @contextmanager
    def _turn(self) -> Iterator[None]:
        lock = self.folder / ".lock"
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        except OSError as error:
            raise write_error(self.folder, error) from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)


def _tag(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
