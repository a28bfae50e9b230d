"""What a namespace and the nodes leave room for: LimitRanges, ResourceQuotas, node allocatable."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from components.kubernetes_api.container_policy import Size, size_of
from components.kubernetes_api.fields import Fields, fields_of

_NOTHING = Size()


@dataclass(frozen=True, slots=True)
class LimitRange:
    """What one LimitRange allows a container, and the containers of a pod together.

    kubernetes, plugin/pkg/admission/limitranger: the minimum holds for requests, the maximum for
    limits (for requests where a container has no limit).
    """

    namespace: str
    name: str
    container_minimum: Size = _NOTHING
    container_maximum: Size = _NOTHING
    pod_maximum: Size = _NOTHING


@dataclass(frozen=True, slots=True)
class Quota:
    """What a ResourceQuota has left: requests, limits, pods; None where it doesn't say.

    A quota with scopes counts some pods only, so that what is left of it is a lower bound here.
    """

    namespace: str
    name: str
    requests: Size = _NOTHING
    limits: Size = _NOTHING
    pods: int | None = None


@dataclass(frozen=True, slots=True)
class Node:
    """What one node can give to pods; `usable` False where no pod is put on it."""

    name: str
    allocatable: Size
    usable: bool = True


def limit_range_of(document: Mapping[str, Any]) -> LimitRange:
    """Reads a LimitRange; raises BadObjectError for what can't be understood."""
    fields = fields_of(document, "LimitRange")
    metadata = fields.child("metadata")
    found = {item.text("type"): item for item in fields.child("spec").items("limits")}
    container = found.get("Container", Fields(fields.what, "", {}))
    pod = found.get("Pod", Fields(fields.what, "", {}))
    return LimitRange(
        namespace=metadata.required_text("namespace"),
        name=metadata.required_text("name"),
        container_minimum=size_of(container.child("min")),
        container_maximum=size_of(container.child("max")),
        pod_maximum=size_of(pod.child("max")),
    )


def quota_of(document: Mapping[str, Any]) -> Quota:
    """Reads a ResourceQuota; raises BadObjectError for what can't be understood."""
    fields = fields_of(document, "ResourceQuota")
    metadata, status = fields.child("metadata"), fields.child("status")
    hard, used = status.child("hard"), status.child("used")
    requests_cpu = "requests.cpu" if "requests.cpu" in hard.value else "cpu"
    requests_memory = "requests.memory" if "requests.memory" in hard.value else "memory"
    return Quota(
        namespace=metadata.required_text("namespace"),
        name=metadata.required_text("name"),
        requests=Size(
            _left(hard.cpu_m(requests_cpu), used.cpu_m(requests_cpu)),
            _left(hard.memory_bytes(requests_memory), used.memory_bytes(requests_memory)),
        ),
        limits=Size(
            _left(hard.cpu_m("limits.cpu"), used.cpu_m("limits.cpu")),
            _left(hard.memory_bytes("limits.memory"), used.memory_bytes("limits.memory")),
        ),
        pods=_left(_pods(hard), _pods(used)),
    )


def node_of(document: Mapping[str, Any]) -> Node:
    """Reads a Node; raises BadObjectError for what can't be understood."""
    fields = fields_of(document, "Node")
    return Node(
        name=fields.child("metadata").required_text("name"),
        allocatable=size_of(fields.child("status").child("allocatable")),
        usable=not fields.child("spec").flag("unschedulable"),
    )


def _pods(resources: Fields) -> int | None:
    # Quantities are texts in a quota's status, and whole for pods.
    value = resources.value.get("pods", resources.value.get("count/pods"))
    return None if value is None else int(str(value))


def _left(hard: int | None, used: int | None) -> int | None:
    return None if hard is None else max(0, hard - (used or 0))
