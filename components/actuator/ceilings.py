"""A wish brought under what namespace and nodes allow, and which bound it was that bound.

A size that admission would refuse, or that no node can hold, would only make pods that never start:
it is cut before it is asked for. What already is stays: no ceiling takes anything away.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from components.actuator.actions import Sizes
from components.actuator.quotas import in_quotas
from components.actuator.resource_kinds import (
    KINDS,
    ResourceKind,
    cut,
    raised,
    requested,
    with_request,
)
from components.actuator.sizes import merged
from components.actuator.steps import Note
from components.actuator.wish import Wish
from components.kubernetes_api.ceilings import LimitRange, Node, Quota
from components.kubernetes_api.resources import Resources


@dataclass(frozen=True, slots=True)
class Ceilings:
    """What is known of the cluster's room; nothing is bound by what could not be read."""

    limit_ranges: tuple[LimitRange, ...] = ()
    quotas: tuple[Quota, ...] = ()
    nodes: tuple[Node, ...] = ()

    def within(self, namespace: str) -> Ceilings:
        """Those that hold in one namespace."""
        return Ceilings(
            tuple(item for item in self.limit_ranges if item.namespace == namespace),
            tuple(item for item in self.quotas if item.namespace == namespace),
            self.nodes,
        )


@dataclass(frozen=True, slots=True)
class Bounded:
    """The wish as it may be asked for; `notes` name each bound that bound."""

    wish: Wish
    notes: tuple[Note, ...] = ()


def bounded(
    wish: Wish, replicas: int, current: Mapping[str, Resources], ceilings: Ceilings
) -> Bounded:
    """The wish under the ceilings of its namespace.

    `replicas` and `current` (all containers of a pod) are in force; quotas count them already.
    LimitRanges come first, then the largest node, then quotas.
    """
    sizes, notes = dict(wish.sizes), []
    for kind in KINDS:
        for limit_range in ceilings.limit_ranges:
            for name, resources in sizes.items():
                sizes[name], note = _in_range(name, resources, current, kind, limit_range)
                notes += note
        sizes, note = _on_a_node(sizes, current, kind, ceilings.nodes)
        notes += note
    count, sizes, held = in_quotas(wish.replicas, sizes, replicas, current, ceilings.quotas)
    return Bounded(Wish(count, sizes), (*notes, *held))


def _in_range(
    name: str,
    wanted: Resources,
    current: Mapping[str, Resources],
    kind: ResourceKind,
    limit_range: LimitRange,
) -> tuple[Resources, list[Note]]:
    """One container within one LimitRange: its own ends, and the pod's."""
    has = kind.largest(current.get(name, Resources()))
    least, most = kind.of(limit_range.container_minimum), kind.of(limit_range.container_maximum)
    for_pod = kind.of(limit_range.pod_maximum)
    if for_pod is not None:
        beside = sum(kind.largest(other) for key, other in current.items() if key != name)
        room = max(0, for_pod - beside)
        most = room if most is None else min(most, room)
    allowed = wanted if most is None else cut(wanted, kind, max(most, has))
    words = "" if allowed == wanted else f"at most {kind.words(most or 0)}"
    if least is not None and raised(allowed, kind, least) != allowed:
        allowed, words = raised(allowed, kind, least), f"at least {kind.words(least)}"
    if not words:
        return wanted, []
    where = f"LimitRange {limit_range.namespace}/{limit_range.name}"
    message = (
        f"{where} allows container {name} {words} of {kind.name},"
        f" {kind.words(kind.largest(wanted))} was wished for"
    )
    return allowed, [Note("LimitRange", message, blocks=True)]


def _on_a_node(
    sizes: Sizes, current: Mapping[str, Resources], kind: ResourceKind, nodes: tuple[Node, ...]
) -> tuple[dict[str, Resources], list[Note]]:
    """Requests that a pod can have on the largest node.

    The controlled containers share what is left beside the others, in the ratio of their wishes.
    """
    room = {node.name: kind.of(node.allocatable) for node in nodes if node.usable}
    known = {name: amount for name, amount in room.items() if amount is not None}
    wanted = requested(merged(current, sizes), kind)
    if not known or wanted <= max(known.values()):
        return dict(sizes), []
    largest = max(known, key=lambda name: known[name])
    controlled = requested(sizes, kind)
    left = max(0, known[largest] - (wanted - controlled))
    allowed = {}
    for name, resources in sizes.items():
        request = kind.request(resources) or 0
        has = kind.request(current.get(name, Resources())) or 0
        share = request * left // max(controlled, 1)
        allowed[name] = with_request(resources, kind, min(request, max(share, has)))
    message = (
        f"the largest node, {largest}, can give a pod {kind.words(known[largest])} of {kind.name},"
        f" {kind.words(wanted)} was wished for"
    )
    return allowed, [Note("NodeTooSmall", message, blocks=True)]
