"""Arithmetic on container sizes."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping

from components.actuator.actions import Sizes
from components.kubernetes_api.pods import Pod
from components.kubernetes_api.resources import Resources


def larger(one: Resources, other: Resources) -> Resources:
    """Field by field the larger value; what only one states stands."""
    return _combined(max, one, other)


def held_above(sizes: Sizes, floor: Mapping[str, Resources]) -> dict[str, Resources]:
    """The sizes, none below what `floor` has for the same container."""
    return {
        name: larger(resources, floor[name]) if name in floor else resources
        for name, resources in sizes.items()
    }


def grows(sizes: Sizes, current: Mapping[str, Resources]) -> bool:
    """Whether any request in `sizes` is above the current one."""
    return any(
        (resources.cpu_request_m or 0) > (current[name].cpu_request_m or 0)
        or (resources.memory_request_bytes or 0) > (current[name].memory_request_bytes or 0)
        for name, resources in sizes.items()
        if name in current
    )


def merged(current: Mapping[str, Resources], sizes: Sizes) -> dict[str, Resources]:
    """All containers, those in `sizes` with their new resources."""
    return {name: sizes.get(name, resources) for name, resources in current.items()}


def has_at_least(pod: Pod, sizes: Sizes) -> bool:
    """Whether the pod has been given no less than the sizes, so that fewer pods can carry on.

    While a resize waits or goes on, only what the kubelet reports counts.
    """
    given = dict(pod.actual)
    if not (pod.resize_pending or pod.resize_in_progress):
        given = {**pod.containers, **pod.actual}
    return all(name in given for name in sizes) and not grows(sizes, given)


def digest(*parts: object) -> str:
    """A short name for what the parts say."""
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:12]


def digest_of_sizes(sizes: Sizes, *parts: str) -> str:
    """A short name for the sizes; `parts` tell equal sizes in different places apart."""
    return digest(sorted((name, resources) for name, resources in sizes.items()), *parts)


def _combined(choose: Callable[[int, int], int], one: Resources, other: Resources) -> Resources:
    return Resources(
        cpu_request_m=_chosen(choose, one.cpu_request_m, other.cpu_request_m),
        memory_request_bytes=_chosen(choose, one.memory_request_bytes, other.memory_request_bytes),
        cpu_limit_m=_chosen(choose, one.cpu_limit_m, other.cpu_limit_m),
        memory_limit_bytes=_chosen(choose, one.memory_limit_bytes, other.memory_limit_bytes),
    )


def _chosen(choose: Callable[[int, int], int], one: int | None, other: int | None) -> int | None:
    if one is None or other is None:
        return other if one is None else one
    return choose(one, other)
