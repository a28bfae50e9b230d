"""CPU and memory of a container by one set of functions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from components.kubernetes_api.container_policy import Size
from components.kubernetes_api.resources import Resources
from components.workload.quantities import format_cpu, format_memory


@dataclass(frozen=True, slots=True)
class ResourceKind:
    """One of a container's two resources: millicores or bytes."""

    name: str
    of: Callable[[Size], int | None]
    request: Callable[[Resources], int | None]
    limit: Callable[[Resources], int | None]
    given: Callable[[Resources, int | None, int | None], Resources]
    words: Callable[[int], str]

    def largest(self, resources: Resources) -> int:
        """The limit, or the request where there is no limit; 0 where nothing is stated."""
        return self.limit(resources) or self.request(resources) or 0


CPU = ResourceKind(
    "cpu",
    of=lambda size: size.cpu_m,
    request=lambda item: item.cpu_request_m,
    limit=lambda item: item.cpu_limit_m,
    given=lambda item, request, limit: replace(item, cpu_request_m=request, cpu_limit_m=limit),
    words=format_cpu,
)
MEMORY = ResourceKind(
    "memory",
    of=lambda size: size.memory_bytes,
    request=lambda item: item.memory_request_bytes,
    limit=lambda item: item.memory_limit_bytes,
    given=lambda item, request, limit: replace(
        item, memory_request_bytes=request, memory_limit_bytes=limit
    ),
    words=format_memory,
)
KINDS = (CPU, MEMORY)


def cut(resources: Resources, kind: ResourceKind, most: int) -> Resources:
    """The resources, their limit (their request where there is no limit) at most `most`.

    The request keeps its ratio to the limit: 200m of 400m, cut to 300m, is 150m of 300m.
    """
    request, limit = kind.request(resources), kind.limit(resources)
    if limit is None:
        return kind.given(resources, None if request is None else min(request, most), None)
    if limit <= most:
        return resources
    return kind.given(resources, None if request is None else request * most // limit, most)


def raised(resources: Resources, kind: ResourceKind, least: int) -> Resources:
    """The resources, their request at least `least`, and no limit below it."""
    request, limit = kind.request(resources), kind.limit(resources)
    if request is None or request >= least:
        return resources
    return kind.given(resources, least, None if limit is None else max(limit, least))


def with_request(resources: Resources, kind: ResourceKind, request: int) -> Resources:
    """The resources with another request; the limit keeps its ratio to it."""
    had, limit = kind.request(resources), kind.limit(resources)
    if limit is None or not had:
        return kind.given(resources, request, limit)
    return kind.given(resources, request, max(request, round(limit * request / had)))


def requested(containers: Mapping[str, Resources], kind: ResourceKind) -> int:
    """What a pod requests; a container that states nothing counts nothing."""
    return sum(kind.request(resources) or 0 for resources in containers.values())


def limited(containers: Mapping[str, Resources], kind: ResourceKind) -> int:
    """A pod's limits together; a container without one counts nothing."""
    return sum(kind.limit(resources) or 0 for resources in containers.values())
