"""The bounds of a discovered workload: as said, as another autoscaler has them, or guessed."""

from __future__ import annotations

from collections.abc import Callable

from components.kubernetes_api.container_policy import Size
from components.kubernetes_api.names import PREFIX
from components.kubernetes_api.resources import Resources
from components.migration.discovery import Proposed, Seen
from components.migration.found import VPA
from components.workload.quantities import format_cpu, format_memory, parse_cpu, parse_memory


def replicas_of(seen: Seen) -> tuple[Proposed, Proposed]:
    """Return the fewest and the most replicas."""
    said, wrong = _said(seen, "replicas", int, "1-6")
    if said:
        return Proposed(said[0]), Proposed(said[1])
    found = seen.found
    for source, low, high in (
        ("", *_autoscaler_replicas(seen)),
        *([(f"as {found.sources[0]}", found.replicas_min, found.replicas_max)] if found else ()),
    ):
        if high:
            return Proposed(max(1, low or 1), wrong or source), Proposed(high, wrong or source)
    now = max(1, seen.replicas)
    why = f"{wrong}a guess from {seen.replicas} replicas now"
    return Proposed(min(now, 2), why), Proposed(2 * now, why)


def sizes_of(seen: Seen, container: str, resource: str) -> tuple[Proposed, Proposed]:
    """Return the least and the most of `cpu` or `memory` for one replica, as quantities."""
    parse, write = (parse_cpu, format_cpu) if resource == "cpu" else (parse_memory, format_memory)
    example = "50m-600m" if resource == "cpu" else "40Mi-384Mi"
    said, wrong = _said(seen, resource, parse, example)
    if said:
        return Proposed(write(said[0])), Proposed(write(said[1]))
    source, low, high = _allowed(seen, container, resource)
    request, limit = _requested(seen.containers.get(container, Resources()), resource)
    guess = "a guess from the request" if request else "unknown: the container has no request"
    if not low and request:
        low_is = Proposed(write(min(max(1, request // 4), high or request)), wrong + guess)
    else:
        low_is = Proposed(write(low) if low else None, wrong + (source if low else guess))
    if not high and request:
        most = max(2 * request, limit or 0, low or 0)
        return low_is, Proposed(write(most), wrong + guess)
    return low_is, Proposed(write(high) if high else None, wrong + (source if high else guess))


def _said(
    seen: Seen, name: str, parse: Callable[[str], int], example: str
) -> tuple[tuple[int, int] | None, str]:
    """Return the range that an annotation says, and what is wrong with it."""
    annotation = f"{PREFIX}/{name}"
    text = seen.said.get(annotation)
    if text is None:
        return None, ""
    ends = _range(text, parse)
    return ends, "" if ends else f"annotation {annotation} is no range such as {example}: "


def _autoscaler_replicas(seen: Seen) -> tuple[int | None, int | None]:
    one = seen.autoscaler
    return (one.replicas_min, one.replicas_max) if one else (None, None)


def _allowed(seen: Seen, container: str, resource: str) -> tuple[str, int | None, int | None]:
    """Return what an autoscaler allows, and which, if it isn't our own kind."""
    if seen.autoscaler:
        policy = seen.autoscaler.policy(container)
        low, high = _part(policy.minimum, resource), _part(policy.maximum, resource)
        if low or high:
            return "", low, high
    if seen.found is None:
        return "", None, None
    vpa = next((name for name in seen.found.sources if name.startswith(VPA)), "")
    for bounds in seen.found.containers:
        if bounds.container in (container, "*") and bounds.controlled:
            return f"as {vpa}", _part(bounds.minimum, resource), _part(bounds.maximum, resource)
    return "", None, None


def _part(size: Size, resource: str) -> int | None:
    return size.cpu_m if resource == "cpu" else size.memory_bytes


def _requested(resources: Resources, resource: str) -> tuple[int | None, int | None]:
    if resource == "cpu":
        return resources.cpu_request_m, resources.cpu_limit_m
    return resources.memory_request_bytes, resources.memory_limit_bytes


def _range(text: str, parse: Callable[[str], int]) -> tuple[int, int] | None:
    """Return the two ends of such as "1-6" or "50m-600m"; None for what is no such range."""
    low, dash, high = text.partition("-")
    try:
        ends = int(parse(low.strip())), int(parse(high.strip()))
    except ValueError:
        return None
    return ends if dash and 0 < ends[0] <= ends[1] else None
