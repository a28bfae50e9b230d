"""A real Prometheus on loopback for tests: Debian's `prometheus` and `promtool`, backfilled."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

_READY_WITHIN_S = 30


def programs_or_skip() -> tuple[str, str]:
    """The server's and its tool's binaries. Without them the test is skipped; in CI it fails."""
    server, tool = shutil.which("prometheus"), shutil.which("promtool")
    if server and tool:
        return server, tool
    message = "no Prometheus: `prometheus` or `promtool` is missing (apt-get install prometheus)"
    if os.environ.get("CI"):
        pytest.fail(message)
    pytest.skip(message)


def openmetrics(samples: Mapping[str, Mapping[str, list[tuple[float, float]]]]) -> str:
    """OpenMetrics text of samples by metric, by labels (`a="b"`), as (seconds, value)."""
    lines = []
    for metric, series in samples.items():
        lines.append(f"# TYPE {metric} unknown")
        for labels, points in series.items():
            lines += [f"{metric}{{{labels}}} {value!r} {time_s!r}" for time_s, value in points]
    return "\n".join([*lines, "# EOF", ""])


class PrometheusServer:
    """A server of its own on one port and one folder of data, which may die and come back."""

    def __init__(self, folder: Path, text: str = "") -> None:
        self._program, tool = programs_or_skip()
        self._folder = folder
        data = folder / "data"
        data.mkdir(parents=True)
        if text:
            history = folder / "history.om"
            history.write_text(text, encoding="utf-8")
            command = [tool, "tsdb", "create-blocks-from", "openmetrics", str(history), str(data)]
            subprocess.run(command, check=True, capture_output=True)
        (folder / "prometheus.yml").write_text("scrape_configs: []\n", encoding="utf-8")
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self._port = free.getsockname()[1]
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"http://127.0.0.1:{self._port}"

    def start(self, *options: str) -> None:
        """Starts it, with its history, and waits until it is ready."""
        command = [
            self._program,
            f"--config.file={self._folder / 'prometheus.yml'}",
            f"--storage.tsdb.path={self._folder / 'data'}",
            "--storage.tsdb.retention.time=10y",
            f"--web.listen-address=127.0.0.1:{self._port}",
            *options,
        ]
        log_path = self._folder / "prometheus.log"
        with log_path.open("wb") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT)
        try:
            _wait_until_ready(self.url, self._process, log_path)
        except BaseException:
            self.kill()
            raise

    def kill(self) -> None:
        """Kills it as a machine that fails would."""
        if self._process:
            self._process.kill()
            self._process.wait()

    def stop(self) -> None:
        """Asks it to end, and kills it where it doesn't."""
        if self._process:
            self._process.terminate()
            try:
                self._process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                self.kill()


@contextmanager
def running_prometheus(folder: Path, text: str = "", *options: str) -> Iterator[str]:
    """Starts a server of its own that holds the OpenMetrics text's history; yields its URL."""
    server = PrometheusServer(folder, text)
    try:
        server.start(*options)
        yield server.url
    finally:
        server.stop()


def _wait_until_ready(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + _READY_WITHIN_S
    while True:
        try:
            urllib.request.urlopen(f"{url}/-/ready", timeout=5).close()
            return
        except (urllib.error.URLError, OSError) as error:
            if process.poll() is not None or time.monotonic() > deadline:
                tail = log.read_text(errors="replace")[-2000:]
                raise RuntimeError(f"Prometheus did not start:\n{tail}") from error
            time.sleep(0.1)
