"""An API server in memory, with the controllers and the node that this product relies on.

Objects lie by their path; a write is conditional where it carries a resourceVersion. Deployments
keep ReplicaSets, these keep pods, pods run at once. Faults are hooks that look at every call.
"""

from __future__ import annotations

import copy
import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from components.kubernetes_api.client import JSON_PATCH, STRATEGIC_MERGE_PATCH, Body, Json
from components.kubernetes_api.errors import AbsentError, ConflictError
from tests.running_loop.patching import merged, replaced

Hook = Callable[[str, str], None]
_HASH = "pod-template-hash"
_APPS = "/apis/apps/v1/namespaces"


@dataclass
class MemoryCluster:
    """What `KubernetesClient` offers, on a dictionary.

    `before`: called with (method, path) before a call, `after` when a write was done. `room`: how
    many pods there is room for, None without an end; `refusal` is what the ReplicaSet's controller
    is told beyond that.
    """

    objects: dict[str, Json] = field(default_factory=dict)
    before: list[Hook] = field(default_factory=list)
    after: list[Hook] = field(default_factory=list)
    room: int | None = None
    refusal: str = ""
    writes: int = 0
    _versions: Any = field(default_factory=lambda: itertools.count(1))

    def get(self, path: str, query: Mapping[str, str] | None = None) -> Json:
        self._hooks(self.before, "GET", path)
        return copy.deepcopy(self._found(path))

    def list(self, path: str, query: Mapping[str, str] | None = None) -> list[Json]:
        self._hooks(self.before, "LIST", path)
        label = (query or {}).get("labelSelector", "")
        group, _, plural = path.rpartition("/")
        return [
            copy.deepcopy(item)
            for at, item in self.objects.items()
            if at.startswith(group) and f"/{plural}/" in at and _selected(item, label)
        ]

    def patch(self, path: str, body: Body, content_type: str = "") -> Json:
        self._hooks(self.before, "PATCH", path)
        name = path.removesuffix("/status").removesuffix("/scale").removesuffix("/resize")
        found = self._found(name)
        if content_type == JSON_PATCH:
            assert isinstance(body, list)
            asked = body[0]["value"]
            changed = replaced(copy.deepcopy(found), body)
        else:
            assert isinstance(body, dict)
            asked = (body.get("metadata") or {}).get("resourceVersion")
            by_name = content_type == STRATEGIC_MERGE_PATCH
            changed = merged(copy.deepcopy(found), body, by_name=by_name)
        if asked is not None and asked != found["metadata"]["resourceVersion"]:
            raise ConflictError(f"PATCH {path}: 409 the object has been modified")
        return self._store(name, changed, "PATCH")

    def put(self, path: str, body: Json) -> Json:
        self._hooks(self.before, "PUT", path)
        found, asked = self._found(path), body["metadata"].get("resourceVersion")
        if asked is not None and asked != found["metadata"]["resourceVersion"]:
            raise ConflictError(f"PUT {path}: 409 the object has been modified")
        return self._store(path, copy.deepcopy(body), "PUT")

    def create(self, path: str, body: Json, retry_busy: bool = True) -> Json:
        self._hooks(self.before, "POST", path)
        at = f"{path}/{body['metadata']['name']}"
        if at in self.objects:
            raise ConflictError(f"POST {at}: 409 already exists")
        return self._store(at, copy.deepcopy(body), "POST")

    def delete(self, path: str) -> Json:
        self._hooks(self.before, "DELETE", path)
        self._found(path)
        return self.objects.pop(path)

    def settle(self) -> None:
        """Lets the controllers and the node do all that they have to do."""
        for path in [item for item in self.objects if "/deployments/" in item]:
            self._roll(path)

    def put_object(self, path: str, document: Json) -> None:
        """Sets an object as a person with kubectl would, past all faults."""
        self.objects[path] = copy.deepcopy(document)
        metadata = self.objects[path].setdefault("metadata", {})
        metadata.setdefault("uid", f"uid-{path}")
        metadata["generation"] = metadata.get("generation", 0) + 1
        metadata["resourceVersion"] = str(next(self._versions))

    def pods_of(self, namespace: str) -> list[Json]:
        """The pods of a namespace."""
        prefix = f"/api/v1/namespaces/{namespace}/pods/"
        return [item for path, item in self.objects.items() if path.startswith(prefix)]

    def _roll(self, path: str) -> None:
        deployment = self.objects[path]
        metadata, spec = deployment["metadata"], deployment["spec"]
        prefix = f"{_APPS}/{metadata['namespace']}/replicasets/{metadata['name']}-"
        sets = {at: item for at, item in self.objects.items() if at.startswith(prefix)}
        current = [at for at, item in sets.items() if _same(item["spec"]["template"], spec)]
        if not current and not spec.get("paused"):
            current = [self._new_set(prefix, deployment, len(sets))]
        if current:
            for at in sets:
                self.objects[at]["spec"]["replicas"] = 0
            self.objects[current[0]]["spec"]["replicas"] = spec["replicas"]
        elif sets:
            # Paused: scaled as ever, on the ReplicaSet that has pods.
            used = max(sets, key=lambda at: sets[at]["spec"]["replicas"])
            self.objects[used]["spec"]["replicas"] = spec["replicas"]
        counts = {at: self._keep_pods(at) for at in list(self.objects) if at.startswith(prefix)}
        made = sum(counts.values())
        failing = made < spec["replicas"]
        deployment["status"] = {
            "observedGeneration": metadata["generation"],
            "replicas": made,
            "updatedReplicas": counts.get(current[0], 0) if current else 0,
            "readyReplicas": made,
            "conditions": [
                {"type": "ReplicaFailure", "status": str(failing), "message": self.refusal}
            ],
        }

    def _new_set(self, prefix: str, deployment: Json, number: int) -> str:
        template = copy.deepcopy(deployment["spec"]["template"])
        hash_ = f"h{number}"
        template["metadata"].setdefault("labels", {})[_HASH] = hash_
        owner = {"uid": deployment["metadata"]["uid"], "controller": True}
        name = f"{deployment['metadata']['name']}-{hash_}"
        self.put_object(
            f"{prefix}{hash_}",
            {
                "metadata": {
                    "namespace": deployment["metadata"]["namespace"],
                    "name": name,
                    "ownerReferences": [owner],
                    "creationTimestamp": f"2026-01-01T00:{number:02d}:00Z",
                },
                "spec": {"replicas": 0, "template": template},
            },
        )
        return f"{prefix}{hash_}"

    def _keep_pods(self, path: str) -> int:
        """Makes or removes pods until there are as many as wanted; returns how many there are."""
        replica_set = self.objects[path]
        metadata, wanted = replica_set["metadata"], replica_set["spec"]["replicas"]
        prefix = f"/api/v1/namespaces/{metadata['namespace']}/pods/{metadata['name']}-"
        pods = [at for at in self.objects if at.startswith(prefix)]
        for at in pods[wanted:]:
            del self.objects[at]
        for _ in range(len(pods), wanted):
            if self.room is not None and self._all_pods() >= self.room:
                break
            name = f"{metadata['name']}-p{next(self._versions)}"
            owner = {"uid": metadata["uid"], "controller": True}
            template = copy.deepcopy(replica_set["spec"]["template"])
            template["metadata"] |= {
                "namespace": metadata["namespace"],
                "name": name,
                "ownerReferences": [owner],
            }
            ready = {"type": "Ready", "status": "True"}
            template["status"] = {"phase": "Running", "conditions": [ready]}
            self.put_object(f"/api/v1/namespaces/{metadata['namespace']}/pods/{name}", template)
        count = sum(at.startswith(prefix) for at in self.objects)
        replica_set["status"] = {"replicas": count}
        return count

    def _all_pods(self) -> int:
        return sum("/pods/" in at for at in self.objects)

    def _found(self, path: str) -> Json:
        if path not in self.objects:
            raise AbsentError(f"GET {path}: 404 not found")
        return self.objects[path]

    def _store(self, path: str, document: Json, method: str) -> Json:
        before = self.objects.get(path)
        self.objects[path] = document
        metadata = document["metadata"]
        if before is None or before.get("spec") != document.get("spec"):
            metadata["generation"] = metadata.get("generation", 0) + 1
        metadata["resourceVersion"] = str(next(self._versions))
        metadata.setdefault("uid", f"uid-{path}")
        self.writes += 1
        self._hooks(self.after, method, path)
        return copy.deepcopy(document)

    @staticmethod
    def _hooks(hooks: list[Hook], method: str, path: str) -> None:
        for hook in list(hooks):
            hook(method, path)


def _same(template: Json, spec: Json) -> bool:
    plain = copy.deepcopy(template)
    plain["metadata"].get("labels", {}).pop(_HASH, None)
    return bool(plain == spec["template"])


def _selected(item: Json, label: str) -> bool:
    """A bare label must be there; other selectors select all: a namespace has one workload."""
    if not label or " " in label:
        return True
    return label in item["metadata"].get("labels", {})
