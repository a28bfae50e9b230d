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


@contextmanager
def running_prometheus(folder: Path, text: str = "") -> Iterator[str]:
    """Starts a server of its own that holds the OpenMetrics text's history; yields its URL."""
    server, tool = programs_or_skip()
    data = folder / "data"
    data.mkdir(parents=True)
    if text:
        history = folder / "history.om"
        history.write_text(text, encoding="utf-8")
        command = [tool, "tsdb", "create-blocks-from", "openmetrics", str(history), str(data)]
        subprocess.run(command, check=True, capture_output=True)
    configuration = folder / "prometheus.yml"
    configuration.write_text("scrape_configs: []\n", encoding="utf-8")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [
        server,
        f"--config.file={configuration}",
        f"--storage.tsdb.path={data}",
        "--storage.tsdb.retention.time=10y",
        f"--web.listen-address=127.0.0.1:{port}",
    ]
    log_path = folder / "prometheus.log"
    with log_path.open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT)
    try:
        url = f"http://127.0.0.1:{port}"
        _wait_until_ready(url, process, log_path)
        yield url
    finally:
        process.terminate()
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


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
