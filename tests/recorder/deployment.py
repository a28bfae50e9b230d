"""One Deployment: keeps as many pods as are wanted and moves their limits in place."""

from __future__ import annotations

import asyncio
import random

from tests.recorder.pod import Node, Pod, suffix
from tests.recorder.schedule import Allocation
from tests.recorder.services import Service

_DRAIN_S = 3.0
_GRACE_S = 1


class Deployment:
    """Pods of one service, the newest last."""

    def __init__(self, service: Service, node: Node) -> None:
        self.service = service
        self.pods: list[Pod] = []
        self.wanted = 0
        self._node = node
        self._source = random.Random(f"{service.key} {node.work_id}")
        self._hash = suffix(self._source, 9)
        self._changing = asyncio.Lock()
        self._leaving: set[asyncio.Task[None]] = set()

    @property
    def ready(self) -> list[Pod]:
        """Return the pods that take requests."""
        return [pod for pod in self.pods if pod.ready]

    async def apply(self, allocation: Allocation) -> None:
        """Bring the pods to this allocation: resize those that stay, start or stop the others."""
        async with self._changing:
            self.wanted = allocation.replicas
            while len(self.pods) > allocation.replicas:
                self._leave(self.pods.pop())
            await asyncio.gather(*(pod.resize(allocation) for pod in self.pods))
            while len(self.pods) < allocation.replicas:
                name = f"{self.service.name}-{self._hash}-{suffix(self._source, 5)}"
                pod = Pod(self.service, name, self._node)
                await pod.start(allocation)
                self.pods.append(pod)

    def _leave(self, pod: Pod) -> None:
        async def drain() -> None:
            pod.ready = False
            await asyncio.sleep(_DRAIN_S)
            await pod.remove(_GRACE_S)

        task = asyncio.create_task(drain())
        self._leaving.add(task)
        task.add_done_callback(self._leaving.discard)

    async def remove(self) -> None:
        """Remove every pod, after a change that is under way."""
        async with self._changing:
            pods, self.pods, self.wanted = self.pods, [], 0
            await asyncio.gather(*(pod.remove() for pod in pods), *self._leaving)
