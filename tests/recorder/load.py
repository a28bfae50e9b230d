"""The load and the ingress before the pods, in one: open-loop arrivals, balancing, measuring.

Arrivals are Poisson at the service's rate and never wait for answers. A request goes to the ready
pod with the fewest in flight; its latency counts from its arrival to its last byte.
"""

from __future__ import annotations

import asyncio
import random
import time
from bisect import bisect_left
from collections.abc import Sequence

from tests.recorder.deployment import Deployment
from tests.recorder.pod import Pod
from tests.recorder.rates import FloatArray

BUCKETS_S = (
    0.005, 0.01, 0.015, 0.02, 0.025, 0.03, 0.04, 0.05, 0.065, 0.08, 0.1, 0.125, 0.15, 0.2, 0.25,
    0.3, 0.4, 0.5, 0.65, 0.8, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0,
)  # fmt: skip
STATUSES = (200, 502, 503, 504)
_REQUEST = b"GET /work HTTP/1.1\r\nHost: service\r\n\r\n"
_ANSWER_BODY_BYTES = 2


class Histogram:
    """Requests of one status: how many, and how long they took."""

    def __init__(self) -> None:
        self.counts = [0] * (len(BUCKETS_S) + 1)
        self.sum_s = 0.0

    def observe(self, seconds: float) -> None:
        """Count one request."""
        self.counts[bisect_left(BUCKETS_S, seconds)] += 1
        self.sum_s += seconds

    @property
    def count(self) -> int:
        """Return the number of requests."""
        return sum(self.counts)


def least_connections(pods: Sequence[Pod], source: random.Random) -> Pod | None:
    """Return a pod with the fewest requests in flight, or None without pods."""
    if not pods:
        return None
    fewest = min(pod.in_flight for pod in pods)
    return source.choice([pod for pod in pods if pod.in_flight == fewest])


class Ingress:
    """Sends one service's requests and counts what came back."""

    def __init__(self, deployment: Deployment, source: random.Random) -> None:
        self.deployment = deployment
        self.answers = {status: Histogram() for status in STATUSES}
        self._random = source
        self._running: set[asyncio.Task[None]] = set()

    async def load(self, rates_per_s: FloatArray, start_s: float) -> None:
        """Send requests from `start_s` (time.monotonic) for len(rates_per_s) seconds."""
        at_s = 0.0
        while True:
            at_s += self._random.expovariate(float(rates_per_s[int(at_s)]))
            if at_s >= len(rates_per_s):
                break
            delay_s = start_s + at_s - time.monotonic()
            if delay_s > 0:
                await asyncio.sleep(delay_s)
            task = asyncio.create_task(self._request(start_s + at_s))
            self._running.add(task)
            task.add_done_callback(self._running.discard)
        await asyncio.gather(*self._running)

    async def _request(self, arrival_s: float) -> None:
        try:
            async with asyncio.timeout(self.deployment.service.client_timeout_s):
                status = await self._balanced()
        except TimeoutError:
            status = 504
        self.answers[status].observe(time.monotonic() - arrival_s)

    async def _balanced(self) -> int:
        """Return the status; a pod that refuses the connection is passed over once."""
        pods = self.deployment.ready
        for _ in range(2):
            pod = least_connections(pods, self._random)
            if pod is None:
                return 503
            try:
                return await self._exchange(pod)
            except ConnectionRefusedError:
                pods = [other for other in pods if other is not pod]
            except (OSError, asyncio.IncompleteReadError):
                return 502
        return 502

    async def _exchange(self, pod: Pod) -> int:
        """Send one request over an idle or a new connection, which stays open when it went well."""
        pod.in_flight += 1
        connection = None
        try:
            connection = (
                pod.idle.pop() if pod.idle else await asyncio.open_connection("127.0.0.1", pod.port)
            )
            reader, writer = connection
            writer.write(_REQUEST)
            head = await reader.readuntil(b"\r\n\r\n")
            await reader.readexactly(_ANSWER_BODY_BYTES)
            pod.idle.append(connection)
            connection = None
            return int(head[9:12]) if int(head[9:12]) in STATUSES else 502
        finally:
            pod.in_flight -= 1
            if connection:
                connection[1].close()
