"""A wish within what ResourceQuotas have left."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from components.actuator.actions import Sizes
from components.actuator.resource_kinds import KINDS, ResourceKind, limited, requested
from components.actuator.sizes import merged
from components.actuator.steps import Note
from components.kubernetes_api.ceilings import Quota
from components.kubernetes_api.resources import Resources


def in_quotas(
    wished: int,
    sizes: Sizes,
    replicas: int,
    current: Mapping[str, Resources],
    quotas: Sequence[Quota],
) -> tuple[int, dict[str, Resources], list[Note]]:
    """(replicas, sizes, notes) that the quotas have room for beyond what is in force.

    Fewer new replicas come before held sizes: a replica more can wait for a little, a container
    without memory is killed. Where not even the sizes of the present replicas fit, no size grows.
    """
    allowed, notes = dict(sizes), []
    for quota in quotas:
        for kind in KINDS:
            # Of the sizes, at no more replicas than there are.
            held = min(wished, replicas)
            if not _fits(quota, kind, held, allowed, replicas, current):
                allowed = {
                    name: _no_larger(resources, current.get(name), kind)
                    for name, resources in allowed.items()
                }
                notes.append(_note(quota, f"no larger size ({kind.name})"))
    count = wished
    for quota in quotas:
        most = count
        while most > replicas and not _has_room(quota, most, allowed, replicas, current):
            most -= 1
        if most < count:
            notes.append(_note(quota, f"{most} replicas, {count} were wished for"))
        count = most
    return count, allowed, notes


def _has_room(
    quota: Quota, count: int, sizes: Sizes, replicas: int, current: Mapping[str, Resources]
) -> bool:
    if quota.pods is not None and count - replicas > quota.pods:
        return False
    return all(_fits(quota, kind, count, sizes, replicas, current) for kind in KINDS)


def _fits(
    quota: Quota,
    kind: ResourceKind,
    count: int,
    sizes: Sizes,
    replicas: int,
    current: Mapping[str, Resources],
) -> bool:
    """Whether one resource of `count` pods of these sizes fits into what is left."""
    return all(
        count * after - replicas * before <= left
        for left, before, after in _amounts(quota, kind, current, merged(current, sizes))
        if left is not None
    )


def _amounts(
    quota: Quota,
    kind: ResourceKind,
    before: Mapping[str, Resources],
    after: Mapping[str, Resources],
) -> Iterator[tuple[int | None, int, int]]:
    """(left in the quota, a pod now, a pod then), for requests and for limits."""
    yield kind.of(quota.requests), requested(before, kind), requested(after, kind)
    yield kind.of(quota.limits), limited(before, kind), limited(after, kind)


def _no_larger(wanted: Resources, current: Resources | None, kind: ResourceKind) -> Resources:
    if current is None:
        return wanted
    request, limit = kind.request(wanted), kind.limit(wanted)
    had_request, had_limit = kind.request(current), kind.limit(current)
    return kind.given(
        wanted,
        request if request is None or had_request is None else min(request, had_request),
        limit if limit is None or had_limit is None else min(limit, had_limit),
    )


def _note(quota: Quota, words: str) -> Note:
    message = f"ResourceQuota {quota.namespace}/{quota.name} has room for {words}"
    return Note("ResourceQuota", message, blocks=True)
