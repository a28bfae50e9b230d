"""A node for tests: runs the pods of one Deployment as real containers, as a kubelet does.

The API server is the only master: pods are taken from it, sizes follow their spec, readiness and
restarts are told in their status. Containers, probes and restarts are the recorder's.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from components.errors import TemporaryError
from components.kubernetes_api.client import Json, KubernetesClient
from components.kubernetes_api.errors import AbsentError, ConflictError
from components.workload.quantities import parse_cpu, parse_memory
from tests.cluster.api_server import NODE
from tests.recorder.exporter import CONTAINER
from tests.recorder.pod import Node, Pod
from tests.recorder.schedule import Allocation
from tests.recorder.services import Service

_LOOK_S = 0.5
_DRAIN_S = 3.0


@dataclass
class RunningDeployment:
    """The Deployment as the recorder's ingress and exporter look at one."""

    service: Service
    wanted: int = 0
    pods: list[Pod] = field(default_factory=list)

    @property
    def ready(self) -> list[Pod]:
        """Return the pods that take requests."""
        return [pod for pod in self.pods if pod.ready]


@dataclass
class _Running:
    pod: Pod
    asked: Allocation
    starting: asyncio.Task[None]
    told: tuple[bool, int] | None = None


class NodeAgent:
    """Realises one namespace's Deployment; `deployment` is what runs now."""

    def __init__(
        self,
        client: KubernetesClient,
        namespace: str,
        service: Service,
        node: Node,
        say: Callable[[str], None],
    ) -> None:
        self.deployment = RunningDeployment(service)
        self._client = client
        self._pods_path = f"/api/v1/namespaces/{namespace}/pods"
        self._path = f"/apis/apps/v1/namespaces/{namespace}/deployments/{service.name}"
        self._node = node
        self._say = say
        self._running: dict[str, _Running] = {}
        self._leaving: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Looks at the API server twice a second, for ever; what fails is tried again."""
        while True:
            try:
                await self.sync()
            except (TemporaryError, AbsentError) as error:
                self._say(f"node: {error}")
            await asyncio.sleep(_LOOK_S)

    async def sync(self) -> None:
        """One look: starts, resizes, reports and removes what the API server says."""
        deployment = await asyncio.to_thread(self._client.get, self._path)
        documents = await asyncio.to_thread(self._client.list, self._pods_path)
        self.deployment.wanted = int(deployment["spec"]["replicas"])
        staying = {}
        for document in documents:
            if "deletionTimestamp" not in document["metadata"]:
                staying[document["metadata"]["name"]] = document
        for name in [name for name in self._running if name not in staying]:
            self._leave(name, self._running.pop(name))
        for document in documents:
            if "deletionTimestamp" in document["metadata"]:
                await self._release(document["metadata"]["name"])
        for name, document in staying.items():
            await self._bring(name, document)

    async def remove(self) -> None:
        """Removes every container."""
        for name in list(self._running):
            self._leave(name, self._running.pop(name))
        await asyncio.gather(*self._leaving)

    async def _bring(self, name: str, document: Json) -> None:
        asked = allocation_of(document)
        running = self._running.get(name)
        if running is None:
            await self._bind(name, document)
            pod = Pod(self.deployment.service, name, self._node)
            self.deployment.pods.append(pod)
            starting = asyncio.create_task(pod.start(asked))
            self._running[name] = _Running(pod, asked, starting)
            return
        if not running.starting.done():
            return
        running.starting.result()
        if asked != running.asked:
            running.asked = asked
            await running.pod.resize(asked)
        state = (running.pod.ready, running.pod.restarts)
        if state != running.told:
            running.told = state
            await self._patch(
                f"{self._pods_path}/{name}/status", {"status": status_of(running.pod)}
            )

    async def _bind(self, name: str, document: Json) -> None:
        if "nodeName" in document["spec"]:
            return
        target = {"apiVersion": "v1", "kind": "Node", "name": NODE}
        binding = {
            "apiVersion": "v1",
            "kind": "Binding",
            "metadata": {"name": name},
            "target": target,
        }
        await asyncio.to_thread(self._client.create, f"{self._pods_path}/{name}/binding", binding)

    async def _release(self, name: str) -> None:
        """Lets a pod's object go once its container has left the balancer."""
        try:
            path = f"{self._pods_path}/{name}?gracePeriodSeconds=0"
            await asyncio.to_thread(self._client.delete, path)
        except (AbsentError, ConflictError):
            return  # gone already

    async def _patch(self, path: str, body: Json) -> None:
        try:
            await asyncio.to_thread(self._client.patch, path, body)
        except (AbsentError, ConflictError):
            return  # gone meanwhile: the next look sees it

    def _leave(self, name: str, running: _Running) -> None:
        async def drain() -> None:
            await asyncio.gather(running.starting, return_exceptions=True)
            running.pod.ready = False
            if running.pod in self.deployment.pods:
                self.deployment.pods.remove(running.pod)
            await asyncio.sleep(_DRAIN_S)
            await running.pod.remove(1)

        self._say(f"node: {name} leaves")
        task = asyncio.create_task(drain())
        self._leaving.add(task)
        task.add_done_callback(self._leaving.discard)


def allocation_of(document: Json) -> Allocation:
    """What a pod's container asks for (replicas: this one)."""
    containers = {item["name"]: item for item in document["spec"]["containers"]}
    limits = containers[CONTAINER]["resources"]["limits"]
    return Allocation(1, parse_cpu(limits["cpu"]), parse_memory(limits["memory"]))


def status_of(pod: Pod) -> Json:
    """A pod's status as a kubelet reports it."""
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    container = {
        "name": CONTAINER,
        "image": "synthetic-app",
        "imageID": "",
        "ready": pod.ready,
        "restartCount": pod.restarts,
        "state": {"running": {"startedAt": now}},
    }
    if pod.last_reason:
        ended = {"reason": pod.last_reason, "exitCode": 137, "finishedAt": now, "startedAt": now}
        container["lastState"] = {"terminated": ended}
    ready = "True" if pod.ready else "False"
    return {
        "phase": "Running",
        "conditions": [
            {"type": "PodScheduled", "status": "True", "lastTransitionTime": now},
            {"type": "Ready", "status": ready, "lastTransitionTime": now},
        ],
        "containerStatuses": [container],
    }
