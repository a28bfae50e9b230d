"""What the user allows for the containers of a workload."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from components.kubernetes_api.fields import Fields

OFF = "Off"


@dataclass(frozen=True, slots=True)
class Size:
    """CPU and memory of one container; None where nothing is said."""

    cpu_m: int | None = None
    memory_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class ContainerPolicy:
    """What the user allows for one container ("*" for every one that isn't named)."""

    container: str
    controlled: bool = True
    minimum: Size = Size()
    maximum: Size = Size()
    resources: frozenset[str] = frozenset(("cpu", "memory"))
    limits_follow: bool = True


def container_policies(spec: Fields) -> tuple[ContainerPolicy, ...]:
    """The constraints (the AEP's) and the resource policies (the VPA's), merged by container.

    Where both speak the stricter holds: the higher minimum, the lower maximum, either one's Off.
    containerControlledResources holds for every container.
    """
    constraints = spec.child("constraints")
    controlled = _resource_names(constraints, "containerControlledResources", ("cpu", "memory"))
    policies = {"*": ContainerPolicy("*", resources=controlled)}
    for item in constraints.items("container"):
        requests = item.child("requests")
        policy = ContainerPolicy(
            container=item.required_text("name"),
            controlled=item.text("mode", "Auto") != OFF,
            minimum=size_of(requests.child("minAllowed")),
            maximum=size_of(requests.child("maxAllowed")),
            resources=controlled,
        )
        policies[policy.container] = _stricter(policies.get(policy.container), policy)
    for item in spec.child("resourcePolicy").items("containerPolicies"):
        policy = ContainerPolicy(
            container=item.text("containerName", "*"),
            controlled=item.text("mode", "Auto") != OFF,
            minimum=size_of(item.child("minAllowed")),
            maximum=size_of(item.child("maxAllowed")),
            resources=_resource_names(item, "controlledResources", controlled) & controlled,
            limits_follow=item.text("controlledValues", "RequestsAndLimits") != "RequestsOnly",
        )
        policies[policy.container] = _stricter(policies.get(policy.container), policy)
    return tuple(policies.values())


def _resource_names(fields: Fields, key: str, default: Iterable[str]) -> frozenset[str]:
    return frozenset(str(name) for name in fields.value.get(key) or default)


def _stricter(one: ContainerPolicy | None, other: ContainerPolicy) -> ContainerPolicy:
    if one is None:
        return other
    return ContainerPolicy(
        container=other.container,
        controlled=one.controlled and other.controlled,
        minimum=Size(
            _chosen(max, one.minimum.cpu_m, other.minimum.cpu_m),
            _chosen(max, one.minimum.memory_bytes, other.minimum.memory_bytes),
        ),
        maximum=Size(
            _chosen(min, one.maximum.cpu_m, other.maximum.cpu_m),
            _chosen(min, one.maximum.memory_bytes, other.maximum.memory_bytes),
        ),
        resources=one.resources & other.resources,
        limits_follow=one.limits_follow and other.limits_follow,
    )


def _chosen(choose: Callable[[int, int], int], one: int | None, other: int | None) -> int | None:
    if one is None or other is None:
        return other if one is None else one
    return choose(one, other)


def size_of(resources: Fields) -> Size:
    """The CPU and memory of a resource list."""
    return Size(resources.cpu_m("cpu"), resources.memory_bytes("memory"))
