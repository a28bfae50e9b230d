"""One pod on this node: a container, its probes, and its restarts, as a kubelet cares for them."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass

from tests.recorder import cgroup, podman
from tests.recorder.events import OOM_KILLED
from tests.recorder.schedule import Allocation
from tests.recorder.services import MIB, Service

_LETTERS = "bcdfghjklmnpqrstvwxz2456789"
_WATCH_S = 0.25
_STARTING_PROBE_S, _PROBE_S, _PROBE_TIMEOUT_S, _FAILURES = 0.5, 5.0, 3.0, 3
_BACK_OFF_S = (0.0, 10.0, 20.0, 40.0)
_BACK_OFF_FORGOTTEN_S = 600.0
_SHRINK_MARGIN_BYTES = 2 * MIB
_SIGKILL_EXIT = 128 + 9


@dataclass(frozen=True, slots=True)
class Node:
    """Where pods run: the service's image, the label of this recording, and the log of events."""

    image: str
    work_id: str
    note: Callable[[str, str, str], None]


def suffix(source: random.Random, length: int) -> str:
    """Return letters and digits as Kubernetes appends to names."""
    return "".join(source.choice(_LETTERS) for _ in range(length))


def free_port() -> int:
    """Return a port of the loopback that nobody listens on now."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


class Pod:
    """One replica: what is public here is what a cluster would report of it."""

    def __init__(self, service: Service, name: str, node: Node) -> None:
        self.service = service
        self.name = name
        self.port = free_port()
        self.ready = False
        self.allocation: Allocation | None = None
        self.restarts = 0
        self.oom_kills = 0
        self.last_reason: str | None = None
        self.in_flight = 0
        self.idle: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []
        self.container = ""
        self._process = 0
        self._kernel_kills = 0
        self._crashes = 0
        self._crashed_at_s = float("-inf")
        self._node = node
        self._task: asyncio.Task[None] | None = None

    async def start(self, allocation: Allocation) -> None:
        """Start the container; readiness comes later, by its probe."""
        self.allocation = allocation
        self.container = await podman.start_container(
            self._node.image,
            self._node.work_id,
            self.port,
            self.service.settings(),
            allocation.cpu_m,
            allocation.memory_bytes,
        )
        cgroup.raise_priority()
        await self._started()
        self._task = asyncio.create_task(self._care())

    async def resize(self, allocation: Allocation) -> None:
        """Change the limits in place; memory goes no lower than what is in use now."""
        self.allocation = allocation
        if not self._alive():
            return
        counters = cgroup.read_counters(self.container)
        in_use = counters.usage_bytes if counters else 0
        memory = max(allocation.memory_bytes, in_use + _SHRINK_MARGIN_BYTES)
        self.allocation = Allocation(allocation.replicas, allocation.cpu_m, memory)
        try:
            await podman.resize_container(self.container, allocation.cpu_m, memory)
        except podman.RigError:
            self._note("resize refused", f"{self.name} (podman update failed)")

    async def remove(self, grace_s: int = 0) -> None:
        """Take the pod out of the balancer, then stop and remove its container."""
        self.ready = False
        if self._task:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
        for _, writer in self.idle:
            writer.close()
        if self.container:
            await podman.remove_container(self.container, grace_s)

    def counters(self) -> cgroup.Counters | None:
        """Return what the kernel counted for the container, None while there is none."""
        return cgroup.read_counters(self.container) if self.container else None

    def _alive(self) -> bool:
        return self._process > 0 and os.path.exists(f"/proc/{self._process}")

    async def _care(self) -> None:
        """Probe the container while it lives and restart it when it dies, for ever."""
        while True:
            failures, next_probe_s = 0, 0.0
            while self._alive():
                if time.monotonic() >= next_probe_s:
                    failures = 0 if await self._probe() else failures + 1
                    if failures == 0 or failures >= _FAILURES:
                        self.ready = failures == 0
                    wait_s = _PROBE_S if self.ready else _STARTING_PROBE_S
                    next_probe_s = time.monotonic() + wait_s
                await asyncio.sleep(_WATCH_S)
            try:
                await self._died()
            except podman.RigError as error:
                self._note("restart failed", f"{self.name}: {error}")
                await asyncio.sleep(_BACK_OFF_S[-1])

    async def _started(self) -> None:
        self._kernel_kills = cgroup.oom_kills()
        self._process = await podman.process_of(self.container)

    async def _died(self) -> None:
        self.ready = False
        self.idle.clear()
        code = await podman.exit_code(self.container)
        kills = cgroup.oom_kills()
        by_memory = code == _SIGKILL_EXIT and kills > self._kernel_kills
        self.last_reason = OOM_KILLED if by_memory else "Error"
        self.oom_kills += by_memory
        self._note(self.last_reason, f"{self.name} (exit code {code})")
        now_s = time.monotonic()
        if now_s - self._crashed_at_s > _BACK_OFF_FORGOTTEN_S:
            self._crashes = 0
        await asyncio.sleep(_BACK_OFF_S[min(self._crashes, len(_BACK_OFF_S) - 1)])
        self._crashes += 1
        self._crashed_at_s = now_s
        await podman.restart_container(self.container)
        await self._started()
        self.restarts += 1
        if self.allocation:
            await self.resize(self.allocation)

    def _note(self, kind: str, detail: str) -> None:
        self._node.note(kind, self.service.key, detail)

    async def _probe(self) -> bool:
        """Return whether GET /healthz answers 200 in time."""
        with contextlib.suppress(OSError, TimeoutError):
            async with asyncio.timeout(_PROBE_TIMEOUT_S):
                reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
                try:
                    writer.write(b"GET /healthz HTTP/1.1\r\nHost: pod\r\n\r\n")
                    return (await reader.readline()).split()[1:2] == [b"200"]
                finally:
                    writer.close()
        return False
