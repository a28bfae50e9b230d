"""The MultidimPodAutoscaler that keeps the bounds of what was found; it only recommends."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from components.kubernetes_api.container_policy import Size
from components.kubernetes_api.names import GROUP, KIND, MANAGED_BY, RECOMMENDER, VERSION
from components.migration.found import ContainerBounds, Found, found_in, merged
from components.workload.quantities import format_cpu, format_memory


def found_by_target(
    documents: Iterable[Mapping[str, Any]], default_namespace: str
) -> tuple[Found, ...]:
    """Return what the documents say, one entry per target, in the order of first appearance.

    Raises BadObjectError for a document that can't be read.
    """
    found: dict[tuple[str, str, str], Found] = {}
    for document in documents:
        one = found_in(document, default_namespace)
        place = (one.namespace, one.target_kind, one.target_name)
        found[place] = merged(found[place], one) if place in found else one
    return tuple(found.values())


def proposal(found: Found) -> dict[str, Any]:
    """Return the object as JSON values, with updateMode Off.

    Without a VPA the sizes are left alone (mode Off), as they are today; without an HPA the
    replicas' bounds are what a VPA alone can't say, so maxReplicas is 1 and a note must tell it.
    """
    spec: dict[str, Any] = {
        "scaleTargetRef": {
            "apiVersion": "apps/v1",
            "kind": found.target_kind,
            "name": found.target_name,
        },
        "policy": {"updateMode": "Off"},
    }
    if found.cpu_percent is not None:
        target = {"type": "Utilization", "averageUtilization": found.cpu_percent}
        metric = {"type": "Resource", "resource": {"name": "cpu", "target": target}}
        spec["goals"] = {"metrics": [metric]}
    replicas: dict[str, Any] = {
        "minReplicas": found.replicas_min or 1,
        "maxReplicas": found.replicas_max or found.replicas_min or 1,
    }
    if found.behavior:
        replicas["behavior"] = dict(found.behavior)
    containers = found.containers or (ContainerBounds("*", controlled=bool(found.by_vpa)),)
    spec["constraints"] = {"global": replicas}
    spec["resourcePolicy"] = {"containerPolicies": [_container(one) for one in containers]}
    spec["recommenders"] = [{"name": RECOMMENDER}]
    return {
        "apiVersion": f"{GROUP}/{VERSION}",
        "kind": KIND,
        "metadata": {
            "name": found.target_name,
            "namespace": found.namespace,
            "labels": dict(MANAGED_BY),
        },
        "spec": spec,
    }


def notes(found: Found) -> tuple[str, ...]:
    """Return what a person has to know or decide about the proposal, one sentence each."""
    told = list(found.notes)
    if found.replicas_max is None:
        told.append("no HPA sets the replicas: minReplicas and maxReplicas are 1; set your own")
    if not found.by_vpa:
        told.append("no VPA sets the sizes: CPU and memory are left as they are (mode Off)")
    elif unbounded := [one.container for one in found.containers if _is_unbounded(one)]:
        told.append(f"containers {', '.join(unbounded)} have no maxAllowed; set one")
    elif not found.containers:
        told.append("the VPA bounds no container; set minAllowed and maxAllowed")
    told.append(
        f"delete {' and '.join(found.sources)} before the object leaves updateMode Off: one owner"
    )
    return tuple(told)


def _is_unbounded(container: ContainerBounds) -> bool:
    return container.controlled and container.maximum == Size()


def _container(bounds: ContainerBounds) -> dict[str, Any]:
    if not bounds.controlled:
        return {"containerName": bounds.container, "mode": "Off"}
    policy: dict[str, Any] = {"containerName": bounds.container}
    for name, size in (("minAllowed", bounds.minimum), ("maxAllowed", bounds.maximum)):
        if size != Size():
            policy[name] = _quantities(size)
    policy["controlledResources"] = list(bounds.resources)
    policy["controlledValues"] = "RequestsAndLimits" if bounds.limits_follow else "RequestsOnly"
    return policy


def _quantities(size: Size) -> dict[str, str]:
    quantities = {}
    if size.cpu_m is not None:
        quantities["cpu"] = format_cpu(size.cpu_m)
    if size.memory_bytes is not None:
        quantities["memory"] = format_memory(size.memory_bytes)
    return quantities
