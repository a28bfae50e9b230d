"""A real client that fails as it is told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from components.actuator.tick import Actuator
from components.kubernetes_api.capabilities import discover
from components.kubernetes_api.client import (
    Body,
    Json,
    KubernetesClient,
)
from components.kubernetes_api.names import IN_STEP_LABEL
from tests.cluster.acting import SETTINGS
from tests.cluster.api_server import Cluster


class Killed(BaseException):
    """The process is gone: nothing in it may catch this."""


@dataclass
class FaultyClient:
    """A real client whose writes are counted and fail in a stated way.

    `dies_after`: the process is killed when so many writes have reached the server.
    `attempted`, `writes`: the paths of all writes, and of those that reached the server.
    `errors`: what the next writes to a path that contains the key end in, without being sent.
    """

    real: KubernetesClient
    dies_after: int | None = None
    errors: dict[str, list[Exception]] = field(default_factory=dict)
    reading_errors: dict[str, list[Exception]] = field(default_factory=dict)
    writes: list[str] = field(default_factory=list)
    attempted: list[str] = field(default_factory=list)

    def get(self, path: str, query: Mapping[str, str] | None = None) -> Json:
        self._fail(path, self.reading_errors)
        return self.real.get(path, query)

    def list(self, path: str, query: Mapping[str, str] | None = None) -> list[Json]:
        self._fail(path, self.reading_errors)
        return self.real.list(path, query)

    def patch(
        self, path: str, body: Body, content_type: str = "application/merge-patch+json"
    ) -> Json:
        self.attempted.append(path)
        self._fail(path, self.errors)
        answer = self.real.patch(path, body, content_type)
        self._written(path)
        return answer

    def create(self, path: str, body: Json, retry_busy: bool = True) -> Json:
        self.attempted.append(path)
        self._fail(path, self.errors)
        answer = self.real.create(path, body, retry_busy)
        self._written(path)
        return answer

    def _written(self, path: str) -> None:
        self.writes.append(path)
        if self.dies_after is not None and len(self.writes) >= self.dies_after:
            raise Killed

    def _fail(self, path: str, errors: dict[str, list[Exception]]) -> None:
        for part, planned in errors.items():
            if part in path and planned:
                raise planned.pop(0)


def actuator_with(client: FaultyClient) -> Actuator:
    real = client.real
    return Actuator(client, discover(real), SETTINGS, lambda: True)  # type: ignore[arg-type]


def assert_at_rest(cluster: Cluster, namespace: str, path: str) -> None:
    document = cluster.client.get(path)
    assert "paused" not in document["spec"]
    assert IN_STEP_LABEL not in document["metadata"].get("labels", {})
    sets = cluster.client.list(f"/apis/apps/v1/namespaces/{namespace}/replicasets")
    assert [item["spec"]["replicas"] for item in sets if item["spec"]["replicas"]] == [
        document["spec"]["replicas"]
    ]
