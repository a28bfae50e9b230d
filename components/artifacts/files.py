"""Files and folders that are complete or absent, whatever interrupts their writing."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import secrets
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from components.errors import UserError

_ADVICE = {
    errno.ENOSPC: "the disk is full: free some space and run again",
    errno.EDQUOT: "the disk quota is used up: free some space and run again",
    errno.EROFS: "the file system is read-only: choose another output folder",
    errno.EACCES: "permission denied: choose a folder that this user may write to",
    errno.EPERM: "operation not permitted: choose a folder that this user may write to",
    errno.ENOTDIR: "a part of the path is a file, not a folder: choose another output folder",
    errno.EEXIST: "a part of the path is a file, not a folder: choose another output folder",
    errno.EISDIR: "a folder has this name: remove it or choose another name",
    errno.ENAMETOOLONG: "the name is too long: choose a shorter one",
}


def write_error(path: Path, error: OSError) -> UserError:
    """The one line for a path that could not be written: what failed, where, what to do."""
    advice = _ADVICE.get(error.errno or 0, f"{error.strerror or error}: check the folder")
    return UserError(f"cannot write {path}: {advice}")


def write_bytes(path: Path, data: bytes, draft: Path | None = None) -> None:
    """Writes `data` to `path`, which holds the old or the new content at every moment.

    The content goes to a hidden neighbour first, or to one of `draft` on the same file system, is
    flushed to the disk and then takes the name. What a killed writer left is removed by the next
    one with that neighbour. Missing parent folders are made. Raises UserError when the path can't
    be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary, descriptor = _open_partial(draft or path, _create_file)
        try:
            with os.fdopen(os.dup(descriptor), "wb") as stream:
                stream.write(data)
                stream.flush()
                os.fsync(stream.fileno())
            os.replace(temporary, path)
            _sync_folder(path.parent)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
        finally:
            os.close(descriptor)
    except OSError as error:
        raise write_error(path, error) from error


def write_text(path: Path, text: str) -> None:
    """Writes `text` as UTF-8, complete or not at all; raises UserError as `write_bytes` does."""
    write_bytes(path, text.encode("utf-8"))


def json_bytes(value: Any) -> bytes:
    """JSON with sorted keys, so that equal values are equal bytes.

    Raises ValueError for NaN and infinities, which JSON doesn't have.
    """
    text = json.dumps(value, indent=1, sort_keys=True, allow_nan=False, ensure_ascii=False)
    return (text + "\n").encode("utf-8")


def write_json(path: Path, value: Any) -> None:
    """Writes `value` as JSON (sorted keys), complete or not at all.

    Raises ValueError for NaN, UserError when the path can't be written.
    """
    write_bytes(path, json_bytes(value))


def read_json(path: Path) -> Any:
    """The value in a JSON file; raises UserError when it is missing, unreadable or truncated."""
    try:
        return json.loads(path.read_bytes())
    except FileNotFoundError as error:
        raise UserError(f"{path} is missing: run the stage that writes it again") from error
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}") from error
    except ValueError as error:
        raise UserError(
            f"{path} is not complete JSON ({error}): delete it and run its stage again"
        ) from error


@contextmanager
def finished_directory(path: Path) -> Iterator[Path]:
    """Yields an empty folder beside `path` that becomes `path` when the block ends without error.

    An existing `path` is replaced; while the two change places it is absent for an instant, never
    half. Folders that a killed process left behind are removed on the way. Raises UserError when
    the folder, or something that the block writes into it, can't be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        partial, descriptor = _open_partial(path, _create_folder)
    except OSError as error:
        raise write_error(path, error) from error
    try:
        yield partial
        _sync_tree(partial)
        if path.is_dir() and not path.is_symlink():
            _exchange(partial, path)
        else:
            os.replace(partial, path)
        _sync_folder(path.parent)
    except OSError as error:
        failed = Path(error.filename or partial)
        # What the block failed to read elsewhere is not an output that can't be written.
        if error.errno not in (errno.ENOSPC, errno.EDQUOT) and not failed.is_relative_to(partial):
            raise
        shown = path / failed.relative_to(partial) if failed.is_relative_to(partial) else path
        raise write_error(shown, error) from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)
        os.close(descriptor)


def _exchange(partial: Path, path: Path) -> None:
    # The old folder moves into a locked neighbour, which the next writer clears if this one dies.
    replaced, descriptor = _open_partial(path, _create_folder)
    try:
        os.replace(path, replaced / "old")
        os.replace(partial, path)
        shutil.rmtree(replaced, ignore_errors=True)
    finally:
        os.close(descriptor)


def _create_file(path: Path) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)


def _create_folder(path: Path) -> int:
    path.mkdir()
    return os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)


def _open_partial(target: Path, create: Callable[[Path], int]) -> tuple[Path, int]:
    """Makes a hidden neighbour of `target` and locks it; the lock ends with the process."""
    _clear_abandoned(target)
    while True:
        partial = target.parent / f".{target.name[:150]}.{secrets.token_hex(8)}.partial"
        descriptor = create(partial)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # A neighbour may have cleared it between its making and its locking.
            if partial.exists():
                return partial, descriptor
        except BlockingIOError:
            pass
        os.close(descriptor)


def _clear_abandoned(target: Path) -> None:
    """Removes the partial neighbours of `target` whose writer has died (nobody holds the lock)."""
    prefix = f".{target.name[:150]}."
    for entry in os.scandir(target.parent):
        if not (entry.name.startswith(prefix) and entry.name.endswith(".partial")):
            continue
        try:
            descriptor = os.open(entry.path, os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            continue
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if entry.is_dir(follow_symlinks=False):
                shutil.rmtree(entry.path, ignore_errors=True)
            else:
                Path(entry.path).unlink(missing_ok=True)
        except OSError:
            continue
        finally:
            os.close(descriptor)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _sync_tree(folder: Path) -> None:
    for parent, _, names in os.walk(folder):
        for name in names:
            descriptor = os.open(Path(parent) / name, os.O_RDONLY | os.O_CLOEXEC)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
        _sync_folder(Path(parent))
