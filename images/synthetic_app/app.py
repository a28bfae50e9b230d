"""One real HTTP service: GET /work does its segments of work, GET /healthz says if it is ready.

Requests share the one core that a process of Python can use, in slices of a few milliseconds. At
most `concurrency` are served at once, each holding its own memory; up to `queue` more wait, and the
rest are refused with 503. A request whose client has gone is dropped before work begins.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import signal
import sys

from memory import Cache, RequestMemory, touched
from settings import Segment, Settings, SettingsError, settings_from_environment
from work import KINDS, WAITS

_UNITS_PER_SLICE = 4
_HOUSEKEEPING_S = 1.0
_WARM_UP = "json"
_CACHE_POPULARITY = 1.1  # exponent of the Pareto law by which keys are asked for


class Service:
    """The state of one running replica."""

    def __init__(self, settings: Settings, source: random.Random) -> None:
        self.settings = settings
        self.ready = False
        self._random = source
        self._base = touched(settings.base_memory_bytes)
        self._memory = RequestMemory(settings.request_memory_bytes, settings.memory_release_per_s)
        self._cache = Cache(settings.cache_entry_bytes, settings.cache_entries)
        self._places = asyncio.Semaphore(settings.concurrency)
        self._waiting = 0
        # Only what is used: what a kind works on is memory as well.
        used = {_WARM_UP, *(segment.kind for segment in settings.segments)}
        self._units = {kind: KINDS[kind]() for kind in used - set(WAITS)}

    async def start(self) -> None:
        """Wait and work as a starting program does, then be ready."""
        await asyncio.sleep(self.settings.start_delay_s)
        await self._compute(_WARM_UP, self.settings.warm_up_units * self.settings.work_factor)
        self.ready = True

    async def housekeeping(self) -> None:
        """Release memory for ever."""
        while True:
            await asyncio.sleep(_HOUSEKEEPING_S)
            self._memory.release(_HOUSEKEEPING_S)

    async def serve(self, reader: asyncio.StreamReader) -> int:
        """Do one request's work; returns the HTTP status."""
        if self._places.locked() and self._waiting >= self.settings.queue:
            return 503
        self._waiting += 1
        try:
            await self._places.acquire()
        finally:
            self._waiting -= 1
        try:
            if reader.at_eof():
                return 499
            block = self._memory.take()
            try:
                await self._request()
            finally:
                self._memory.give_back(block)
        finally:
            self._places.release()
        return 200

    async def _request(self) -> None:
        if self.settings.cache_entries:
            self._cache.look_up(int(self._random.paretovariate(_CACHE_POPULARITY) * 8))
        for segment in self.settings.segments:
            factor = self._factor(segment)
            if segment.kind in WAITS:
                await asyncio.sleep(segment.mean_ms * factor / 1000)
            else:
                units = segment.units * factor * self.settings.work_factor
                await self._compute(segment.kind, units)

    def _factor(self, segment: Segment) -> float:
        if segment.variability == 0:
            return 1.0
        return self._random.gammavariate(1 / segment.variability, segment.variability)

    async def _compute(self, kind: str, units: float) -> None:
        unit = self._units[kind]
        count = int(units) + (self._random.random() < units % 1)
        for number in range(count):
            unit()
            if number % _UNITS_PER_SLICE == _UNITS_PER_SLICE - 1:
                await asyncio.sleep(0)

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one connection's requests in order until it closes."""
        with contextlib.suppress(OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            while head := await reader.readuntil(b"\r\n\r\n"):
                status = await self._answer(head, reader)
                if status == 499:
                    break
                body = b"ok" if status == 200 else b"no"
                writer.write(b"HTTP/1.1 %d x\r\nContent-Length: 2\r\n\r\n%b" % (status, body))
                await writer.drain()
        writer.close()

    async def _answer(self, head: bytes, reader: asyncio.StreamReader) -> int:
        path = head.split(b" ", 2)[1] if head.count(b" ") >= 2 else b""
        if path == b"/healthz":
            return 200 if self.ready else 503
        if path != b"/work":
            return 404
        return await self.serve(reader) if self.ready else 503


async def run(settings: Settings, host: str, port: int) -> None:
    """Serve until SIGTERM."""
    service = Service(settings, random.Random())
    server = await asyncio.start_server(service.handle, host, port, backlog=512)
    stopped = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopped.set)
    tasks = [asyncio.create_task(service.housekeeping()), asyncio.create_task(service.start())]
    print(f"{settings.name}: listening on port {server.sockets[0].getsockname()[1]}", flush=True)
    await stopped.wait()
    for task in tasks:
        task.cancel()
    server.close()


def main() -> int:
    """Run the service that the environment describes; returns the exit code."""
    try:
        settings = settings_from_environment()
        address = os.environ.get("APP_HOST", "0.0.0.0"), int(os.environ.get("APP_PORT", "8080"))
    except (SettingsError, ValueError) as error:
        print(f"synthetic_app: {error}", file=sys.stderr)
        return 2
    asyncio.run(run(settings, *address))
    return 0


if __name__ == "__main__":
    sys.exit(main())
