"""What a MultidimPodAutoscaler's status asks for, within what its spec allows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from components.actuator.actions import Sizes
from components.kubernetes_api.autoscaler import ContainerRecommendation, MultidimPodAutoscaler
from components.kubernetes_api.container_policy import ContainerPolicy
from components.kubernetes_api.errors import BadObjectError
from components.kubernetes_api.resources import Resources

# Below this no container starts; a smaller recommendation is a wrong unit.
SMALLEST_MEMORY_BYTES = 4 * 2**20


@dataclass(frozen=True, slots=True)
class Wish:
    """The replicas and, for each controlled container, the whole resources wished for."""

    replicas: int
    sizes: Sizes


def wish_of(
    autoscaler: MultidimPodAutoscaler, replicas: int, current: Mapping[str, Resources]
) -> Wish:
    """The wish, for a workload that has `replicas` replicas and `current` sizes.

    The user's bounds hold whatever was recommended, and where none is set for replicas they are
    left as they are. A size that lies within the recommendation's lower and upper bound stays.
    Raises BadObjectError for a recommendation that contradicts itself or the workload.
    """
    wanted = replicas
    if autoscaler.desired_replicas is not None and autoscaler.replicas_max is not None:
        # Zero replicas are never recommended: nothing would be left to measure.
        least = max(1, autoscaler.replicas_min or 1)
        wanted = min(max(autoscaler.desired_replicas, least), autoscaler.replicas_max)
    sizes = {}
    for recommendation in autoscaler.recommendations:
        name = recommendation.container
        if name not in current:
            raise BadObjectError(
                f"the recommendation is for container {name!r}, which"
                f" {autoscaler.target_kind} {autoscaler.namespace}/{autoscaler.target_name}"
                f" lacks (it has {', '.join(sorted(current))})"
            )
        policy = autoscaler.policy(name)
        _check(recommendation)
        if policy.controlled:
            sizes[name] = _resources(recommendation, policy, current[name])
    return Wish(wanted, sizes)


def _resources(
    recommendation: ContainerRecommendation, policy: ContainerPolicy, current: Resources
) -> Resources:
    lower, target, upper = recommendation.lower, recommendation.target, recommendation.upper
    cpu_m, memory_bytes = current.cpu_request_m, current.memory_request_bytes
    if "cpu" in policy.resources and target.cpu_m is not None:
        if not _within(cpu_m, lower.cpu_m, upper.cpu_m):
            cpu_m = target.cpu_m
        cpu_m = _clamped(cpu_m or target.cpu_m, policy.minimum.cpu_m, policy.maximum.cpu_m)
    if "memory" in policy.resources and target.memory_bytes is not None:
        if not _within(memory_bytes, lower.memory_bytes, upper.memory_bytes):
            memory_bytes = target.memory_bytes
        memory_bytes = _clamped(
            memory_bytes or target.memory_bytes,
            policy.minimum.memory_bytes,
            policy.maximum.memory_bytes,
        )
    if not policy.limits_follow:
        return replace(
            current,
            cpu_request_m=_at_most(cpu_m, current.cpu_limit_m),
            memory_request_bytes=_at_most(memory_bytes, current.memory_limit_bytes),
        )
    return Resources(
        cpu_request_m=cpu_m,
        memory_request_bytes=memory_bytes,
        cpu_limit_m=_limit(current.cpu_limit_m, current.cpu_request_m, cpu_m),
        memory_limit_bytes=_limit(
            current.memory_limit_bytes, current.memory_request_bytes, memory_bytes
        ),
    )


def _check(recommendation: ContainerRecommendation) -> None:
    """Refuses lower > target, target > upper and sizes that no container can have."""
    triples = (
        (recommendation.lower.cpu_m, recommendation.target.cpu_m, recommendation.upper.cpu_m, 1),
        (
            recommendation.lower.memory_bytes,
            recommendation.target.memory_bytes,
            recommendation.upper.memory_bytes,
            SMALLEST_MEMORY_BYTES,
        ),
    )
    for lower, target, upper, least in triples:
        if target is None:
            continue
        if target < least:
            raise BadObjectError(
                f"the recommendation for container {recommendation.container!r} is {target},"
                f" below {least}: a wrong unit?"
            )
        if (lower is not None and lower > target) or (upper is not None and upper < target):
            raise BadObjectError(
                f"the recommendation for container {recommendation.container!r} contradicts"
                f" itself: lower {lower}, target {target}, upper {upper}"
            )


def _within(value: int | None, lower: int | None, upper: int | None) -> bool:
    """Whether a current value may stay; without both bounds the target is applied exactly."""
    if value is None or lower is None or upper is None:
        return False
    return lower <= value <= upper


def _clamped(value: int, minimum: int | None, maximum: int | None) -> int:
    at_least = value if minimum is None else max(value, minimum)
    return at_least if maximum is None else min(at_least, maximum)


def _at_most(value: int | None, limit: int | None) -> int | None:
    return value if value is None or limit is None else min(value, limit)


def _limit(limit: int | None, request: int | None, new_request: int | None) -> int | None:
    """The limit that keeps the limit's ratio to the request, as the VPA does.

    | limit | request | new request | new limit |
    |-------|---------|-------------|-----------|
    | none  | 100     | 200         | none      |
    | 100   | 100     | 250         | 250       |
    | 400   | 100     | 250         | 1000      |
    """
    if limit is None or new_request is None:
        return limit
    if not request:
        return max(limit, new_request)
    return max(new_request, round(limit * new_request / request))
