"""Measure every segment of the synthetic service on the service itself.

python -m tests.images.synthetic_app.measure_segments prints the rows of
components/cluster/segments.py. Each kind runs in a service of its own, whose kernel's own account
of CPU time and anonymous memory is read before and after so many requests, one at a time.
"""

from __future__ import annotations

import argparse
import http.client
import re
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from components.cluster.segments import CPU_KINDS, WAIT_KINDS
from tests.recorder.application import APP, environment

UNITS = 20
_ROUNDS = 5
_READY_WITHIN_S = 20.0


@dataclass(frozen=True, slots=True)
class Measured:
    """CPU of one request and its median latency in ms; anonymous memory held afterwards."""

    cpu_ms: float
    latency_ms: float
    memory_bytes: int


class Service:
    """A running service: its process's account and one connection that stays open."""

    def __init__(self, pid: int, port: int) -> None:
        self._pid = pid
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)

    def get(self, path: str) -> int:
        """Ask once; returns the status."""
        self._connection.request("GET", path)
        answer = self._connection.getresponse()
        answer.read()
        return answer.status

    def close(self) -> None:
        """Let the connection go."""
        self._connection.close()

    def cpu_ms(self) -> float:
        """CPU time used so far."""
        return float(Path(f"/proc/{self._pid}/schedstat").read_text().split()[0]) * 1e-6

    def memory_bytes(self) -> int:
        """Anonymous memory held now."""
        status = Path(f"/proc/{self._pid}/status").read_text()
        found = re.search(r"RssAnon:\s+(\d+) kB", status)
        assert found is not None
        return 1024 * int(found[1])


@contextmanager
def running(settings: dict[str, Any]) -> Iterator[Service]:
    """Start the service on a port of its own, ready."""
    with subprocess.Popen(
        [sys.executable, "-B", str(APP)],
        env=environment(settings),
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        try:
            port = int(process.stdout.readline().rsplit(" ", 1)[1])
            service = Service(process.pid, port)
            until_s = time.monotonic() + _READY_WITHIN_S
            while service.get("/healthz") != 200:
                assert time.monotonic() < until_s, "the service did not become ready"
                time.sleep(0.02)
            yield service
            service.close()
        finally:
            process.terminate()


def measured(settings: dict[str, Any], requests: int) -> Measured:
    """What a request of these settings costs: the median of rounds, so that a neighbour's load
    in one of them doesn't count."""
    with running(settings) as service:
        costs, latencies = [], []
        for _ in range(_ROUNDS):
            before = service.cpu_ms()
            for _ in range(requests):
                began = time.perf_counter()
                assert service.get("/work") == 200
                latencies.append(1e3 * (time.perf_counter() - began))
            costs.append((service.cpu_ms() - before) / requests)
        return Measured(
            statistics.median(costs), statistics.median(latencies), service.memory_bytes()
        )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=30, help="a round, of five")
    requests = parser.parse_args().requests
    plain = {"base_memory_bytes": 0}
    empty = measured(plain | {"segments": [{"kind": "wait", "mean_ms": 0}]}, requests)
    print(f"REQUEST_CPU_MS = {empty.cpu_ms:.2f}")
    print(f"INTERPRETER_BYTES = {empty.memory_bytes}")
    for kind in CPU_KINDS:
        found = measured(plain | {"segments": [{"kind": kind, "units": UNITS}]}, requests)
        unit_ms = (found.cpu_ms - empty.cpu_ms) / UNITS
        memory = max(found.memory_bytes - empty.memory_bytes, 0)
        print(f'    SegmentProfile("{kind}", {unit_ms:.3f}, 0.0, {memory}),')
    for kind in WAIT_KINDS:
        asked = 30.0
        found = measured(plain | {"segments": [{"kind": kind, "mean_ms": asked}]}, requests)
        late = max(found.latency_ms - empty.latency_ms - asked, 0.0)
        cpu_ms = max(found.cpu_ms - empty.cpu_ms, 0.0)
        print(f'    SegmentProfile("{kind}", {cpu_ms:.3f}, {late:.2f}, 0),')


if __name__ == "__main__":
    main()
