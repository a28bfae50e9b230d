"""The real service as a process on the loopback, for tests without containers."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

APP = Path(__file__).parents[2] / "images" / "synthetic_app" / "app.py"
_READY_WITHIN_S = 20.0


def environment(settings: dict[str, Any]) -> dict[str, str]:
    return {
        **os.environ,
        "APP_HOST": "127.0.0.1",
        "APP_PORT": "0",
        "APP_SETTINGS": json.dumps(settings),
    }


def status_of(port: int, path: str) -> int:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        with error:
            return error.code


@contextlib.contextmanager
def running_application(settings: dict[str, Any], *, ready: bool = True) -> Iterator[int]:
    """Starts the service on a port of its own; yields the port, once ready if so asked."""
    process = subprocess.Popen(
        [sys.executable, "-B", str(APP)],
        env=environment(settings),
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    try:
        port = int(process.stdout.readline().rsplit(" ", 1)[1])
        until_s = time.monotonic() + _READY_WITHIN_S
        while ready and status_of(port, "/healthz") != 200:
            assert time.monotonic() < until_s, "the service did not become ready"
            time.sleep(0.02)
        yield port
    finally:
        process.terminate()
        process.wait(10)
        process.stdout.close()
