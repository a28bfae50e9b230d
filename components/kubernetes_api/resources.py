"""What a container asks for and may use, and the QoS class that follows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from components.kubernetes_api.fields import Fields
from components.workload.quantities import format_cpu, format_memory

GUARANTEED = "Guaranteed"
BURSTABLE = "Burstable"
BEST_EFFORT = "BestEffort"


@dataclass(frozen=True, slots=True)
class Resources:
    """One container's requests and limits; None where the container states nothing."""

    cpu_request_m: int | None = None
    memory_request_bytes: int | None = None
    cpu_limit_m: int | None = None
    memory_limit_bytes: int | None = None

    def to_patch(self) -> dict[str, dict[str, str]]:
        """The `resources` of a container spec; what is None is left out, never removed."""
        requests = _quantities(self.cpu_request_m, self.memory_request_bytes)
        limits = _quantities(self.cpu_limit_m, self.memory_limit_bytes)
        parts = {"requests": requests, "limits": limits}
        return {name: values for name, values in parts.items() if values}


def resources_of(container: Fields) -> Resources:
    """The resources of a container (or of a container's status); a lone limit is the request too.

    Kubernetes fills that request in by itself on pods, not on pod templates.
    """
    resources = container.child("resources")
    requests, limits = resources.child("requests"), resources.child("limits")
    cpu_limit_m, memory_limit_bytes = limits.cpu_m("cpu"), limits.memory_bytes("memory")
    cpu_request_m, memory_request_bytes = requests.cpu_m("cpu"), requests.memory_bytes("memory")
    return Resources(
        cpu_request_m=cpu_limit_m if cpu_request_m is None else cpu_request_m,
        memory_request_bytes=(
            memory_limit_bytes if memory_request_bytes is None else memory_request_bytes
        ),
        cpu_limit_m=cpu_limit_m,
        memory_limit_bytes=memory_limit_bytes,
    )


def qos_class(containers: Mapping[str, Resources]) -> str:
    """The pod's QoS class (kubernetes, Configure Quality of Service for Pods).

    Guaranteed: every container has CPU and memory limits equal to its requests. BestEffort: none
    states anything above zero. Burstable: all else.
    """
    values = [
        (resources.cpu_request_m, resources.cpu_limit_m) for resources in containers.values()
    ] + [
        (resources.memory_request_bytes, resources.memory_limit_bytes)
        for resources in containers.values()
    ]
    if not any(request or limit for request, limit in values):
        return BEST_EFFORT
    if all(limit and request == limit for request, limit in values):
        return GUARANTEED
    return BURSTABLE


def describe(resources: Resources) -> str:
    """The requests in words: "cpu 200m, memory 64Mi"."""
    cpu = "unset" if resources.cpu_request_m is None else format_cpu(resources.cpu_request_m)
    memory = (
        "unset"
        if resources.memory_request_bytes is None
        else format_memory(resources.memory_request_bytes)
    )
    return f"cpu {cpu}, memory {memory}"


def _quantities(cpu_m: int | None, memory_bytes: int | None) -> dict[str, str]:
    quantities = {}
    if cpu_m is not None:
        quantities["cpu"] = format_cpu(cpu_m)
    if memory_bytes is not None:
        quantities["memory"] = format_memory(memory_bytes)
    return quantities
