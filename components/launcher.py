"""Runs a stage inside its own process: retries, errors as one line, and no life after the run's."""

from __future__ import annotations

import fcntl
import os
import sys
import threading
import time
from collections.abc import Callable
from typing import TypeVar

from components.errors import TemporaryError, UserError

ERROR_FILE_VARIABLE = "AWARE_ERROR_FILE"
RUN_LOCK_VARIABLE = "AWARE_RUN_LOCK"
USER_ERROR_EXIT_CODE = 2
ATTEMPTS = 3
FIRST_PAUSE_S = 1.0

T = TypeVar("T")


def launch(call: Callable[[], T]) -> T:
    """Return `call()`; a user's mistake ends the process with one line and exit code 2.

    A TemporaryError is tried again, with pauses of 1 s and 2 s: Kubeflow drops a task's own
    retries inside ParallelFor (kubeflow/pipelines#13897).
    """
    _end_with_the_run()
    try:
        return _with_retries(call)
    except (UserError, TemporaryError) as error:
        _tell(" ".join(str(error).split()))
        raise SystemExit(USER_ERROR_EXIT_CODE) from None


def _with_retries(call: Callable[[], T]) -> T:
    for attempt in range(ATTEMPTS - 1):
        try:
            return call()
        except TemporaryError as error:
            pause_s = FIRST_PAUSE_S * 2**attempt
            print(f"trying again in {pause_s:.0f} s: {error}", file=sys.stderr, flush=True)
            time.sleep(pause_s)
    return call()


def _tell(line: str) -> None:
    """Print the line, and leave it where the process that started the run looks for it."""
    print(f"error: {line}", file=sys.stderr, flush=True)
    path = os.environ.get(ERROR_FILE_VARIABLE, "")
    if path:
        with open(path, "w", encoding="utf-8") as file:
            file.write(line + "\n")


def _end_with_the_run() -> None:
    """End this process when the one that started the run dies, however it died.

    The run holds its lock file locked as long as it lives; the kernel lets go of the lock even
    after kill -9. A thread that gets the lock therefore knows that nobody waits for the stage.
    """
    path = os.environ.get(RUN_LOCK_VARIABLE, "")
    if path:
        threading.Thread(target=_wait_for_the_run, args=(path,), daemon=True).start()


def _wait_for_the_run(path: str) -> None:
    try:
        with open(path, "rb") as lock:
            fcntl.flock(lock, fcntl.LOCK_SH)
    finally:
        # A normal exit would wait for the stage's own threads.
        os._exit(USER_ERROR_EXIT_CODE)
