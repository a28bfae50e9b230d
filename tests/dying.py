"""Processes that kill -9 themselves right before one of their changes to the world.

A change is what Python's own audit events tell of: a file opened for writing, renamed or removed, a
folder made or removed below a watched one, a request that isn't for reading. Killed before change
N, a process has done exactly its first N - 1; so all N together are all states that a kill leaves.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from multiprocessing.sharedctypes import Synchronized
from typing import Any

_PATHS_AT = {"os.mkdir": (0,), "os.remove": (0,), "os.rmdir": (0,), "os.rename": (0, 1)}
_REQUESTS = (b"PUT ", b"POST ", b"DELETE ")
# Its making is a change, but nobody reads it: it is there to be locked.
_LOCK_FILE = "/.lock"
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT


class Mortal:
    """Starts processes, each a fork of a clean server that has imported what they need."""

    def __init__(
        self, watched: str, modules: Sequence[str], environment: Mapping[str, str]
    ) -> None:
        """`watched` is what the paths begin with whose changes count."""
        self._context = multiprocessing.get_context("forkserver")
        self._context.set_forkserver_preload([__name__, *modules])
        self._settings = (watched, dict(environment))

    def changes_of(self, call: Callable[..., Any], *arguments: Any) -> int:
        """Run `call` to its end; return how many changes it made."""
        code, count = self._run(0, call, arguments)
        assert code == 0, f"{call.__name__} ended with {code}"
        return count

    def killed_before(self, number: int, call: Callable[..., Any], *arguments: Any) -> None:
        """Run `call`, killed before its `number`-th change, counted from 1."""
        code, count = self._run(number, call, arguments)
        assert (code, count) == (-signal.SIGKILL, number), f"{call.__name__} ended with {code}"

    def _run(
        self, number: int, call: Callable[..., Any], arguments: Sequence[Any]
    ) -> tuple[int | None, int]:
        count = self._context.Value("i", 0)
        process = self._context.Process(
            target=_live, args=(number, count, *self._settings, call, arguments)
        )
        process.start()
        process.join()
        return process.exitcode, count.value


def _live(
    number: int,
    count: Synchronized[int],
    watched: str,
    environment: Mapping[str, str],
    call: Callable[..., Any],
    arguments: Sequence[Any],
) -> None:
    def before(event: str, details: tuple[Any, ...]) -> None:
        if _changes(event, details, watched):
            count.value += 1
            if count.value == number:
                os.kill(os.getpid(), signal.SIGKILL)

    os.environ.update(environment)
    # A killed process loses nothing that the kernel has: only a power cut would, and fsync is slow.
    os.fsync = lambda _: None  # type: ignore[assignment]
    sys.addaudithook(before)
    call(*arguments)


def _changes(event: str, details: tuple[Any, ...], watched: str) -> bool:
    if event == "http.client.send":
        return bytes(details[1][:7]).startswith(_REQUESTS)
    if event == "open":
        path, _, flags = details
        return bool(flags & _WRITING) and _below(path, watched)
    return any(_below(details[place], watched) for place in _PATHS_AT.get(event, ()))


def _below(path: Any, watched: str) -> bool:
    if isinstance(path, int):
        return False
    name = os.fsdecode(path)
    return name.startswith(watched) and not name.endswith(_LOCK_FILE)
