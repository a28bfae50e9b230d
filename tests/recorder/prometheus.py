"""A real Prometheus on the loopback, its database in the work folder, and the queries to it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
import urllib.request
from pathlib import Path
from typing import Any

from tests.recorder.pod import free_port
from tests.recorder.podman import RigError

SCRAPE_S = 5
_STARTS_WITHIN_S = 60.0
_STOPS_WITHIN_S = 30.0
_PROCESS_FILE = "prometheus.pid"
_CONFIGURATION = """\
global: {{scrape_interval: {scrape_s}s, scrape_timeout: 4s}}
scrape_configs: {jobs}
"""


class Prometheus:
    """One server process; stopped by its own id."""

    def __init__(self, folder: Path, exporter_port: int | None) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._folder = folder
        self._exporter_port = exporter_port
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start scraping (with no exporter: only answer queries). Raises RigError."""
        self._folder.mkdir(parents=True, exist_ok=True)
        self._stop_leftover()
        jobs: list[dict[str, Any]] = []
        if self._exporter_port:
            target = {"targets": [f"127.0.0.1:{self._exporter_port}"]}
            jobs.append({"job_name": "node", "honor_labels": True, "static_configs": [target]})
        configuration = self._folder / "prometheus.yml"
        text = _CONFIGURATION.format(scrape_s=SCRAPE_S, jobs=json.dumps(jobs))
        configuration.write_text(text)
        with (self._folder / "prometheus.log").open("ab") as log:
            self._process = subprocess.Popen(
                [
                    "prometheus",
                    f"--config.file={configuration}",
                    f"--storage.tsdb.path={self._folder / 'tsdb'}",
                    "--storage.tsdb.retention.time=10y",
                    f"--web.listen-address=127.0.0.1:{self.port}",
                ],
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        (self._folder / _PROCESS_FILE).write_text(str(self._process.pid))
        self._wait_ready()

    def _stop_leftover(self) -> None:
        """Stop the server that a crashed recording left running on this work folder's database."""
        try:
            process = int((self._folder / _PROCESS_FILE).read_text())
        except (OSError, ValueError):
            return
        if self._serves_here(process):
            os.kill(process, signal.SIGTERM)
        until_s = time.monotonic() + _STOPS_WITHIN_S
        while self._serves_here(process) and time.monotonic() < until_s:
            time.sleep(0.1)

    def _serves_here(self, process: int) -> bool:
        try:
            command = Path(f"/proc/{process}/cmdline").read_bytes()
        except OSError:
            return False
        return os.fsencode(self._folder / "tsdb") in command

    def _wait_ready(self) -> None:
        until_s = time.monotonic() + _STARTS_WITHIN_S
        while time.monotonic() < until_s:
            if self._process is None or self._process.poll() is not None:
                break
            if is_ready(self.url):
                return
            time.sleep(0.2)
        raise RigError(f"Prometheus didn't start; see {self._folder / 'prometheus.log'}")

    def stop(self) -> None:
        """Stop the process; the database stays."""
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(_STOPS_WITHIN_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None
        (self._folder / _PROCESS_FILE).unlink(missing_ok=True)


def is_ready(url: str) -> bool:
    """Return whether a Prometheus answers there."""
    try:
        with urllib.request.urlopen(f"{url}/-/ready", timeout=2) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False
