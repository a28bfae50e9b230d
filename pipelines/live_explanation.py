"""What the recommender last said of one workload, read from its object in the cluster."""

from __future__ import annotations

from collections.abc import Sequence

from components.errors import UserError
from components.kubernetes_api.autoscaler import MultidimPodAutoscaler, autoscaler_of
from components.kubernetes_api.client import KubernetesClient
from components.kubernetes_api.conditions import Condition, condition, timestamp
from components.kubernetes_api.container_policy import Size
from components.kubernetes_api.names import GROUP, PHASE_ANNOTATION, PLURAL, VERSION
from components.kubernetes_api.names import PAUSE_ANNOTATION as PAUSE
from components.kubernetes_api.reading import parsed
from components.workload.quantities import format_cpu, format_memory
from pipelines.explanation import Section

_STAYING = "; against staying put "
_TOLD = ("RecommendationProvided", "PolicyActing", "PolicyLoaded", "AbleToScale", "ScalingActive")


def live_explanation(client: KubernetesClient, workload: str) -> tuple[Section, ...]:
    """The object of `workload` (namespace/name of the object or of what it scales), in sections.

    Raises UserError where there is none, naming those that there are, and what the client raises.
    """
    mine = _object(client, workload)
    moved, _, outlook = _message(mine.conditions, "Explained").partition(_STAYING)
    conditions = [found for name in _TOLD if (found := condition(mine.conditions, name))]
    return (
        Section("What is recommended", _recommended(mine)),
        Section("Who decides, and whether it is applied", tuple(map(_words, conditions))),
        Section("What moved it most, when it changed last", tuple(moved.split("; ")) * bool(moved)),
        Section("Against staying put, as the twin expects it", (outlook,) * bool(outlook)),
        Section("To stop it", _to_stop(mine)),
    )


def _object(client: KubernetesClient, workload: str) -> MultidimPodAutoscaler:
    namespace, slash, name = workload.partition("/")
    if not slash or not namespace or not name or "/" in name:
        raise UserError(f"workload {workload!r} is not NAMESPACE/NAME")
    found = parsed(
        client.list(f"/apis/{GROUP}/{VERSION}/namespaces/{namespace}/{PLURAL}"), autoscaler_of
    )
    for item in sorted(found, key=lambda one: one.name != name):
        if name in (item.name, item.target_name):
            return item
    there = ", ".join(item.name for item in found) or "none"
    raise UserError(f"no MultidimPodAutoscaler scales {workload}; {namespace} has {there}")


def _recommended(mine: MultidimPodAutoscaler) -> tuple[str, ...]:
    if mine.desired_replicas is None:
        return ("nothing yet: no recommender has written a status",)
    replicas = f"{mine.desired_replicas} replicas"
    sizes = [f"{item.container}: {_size(item.target)}" for item in mine.recommendations]
    return (replicas, *sizes, f"updateMode {mine.update_mode}{', paused' if mine.paused else ''}")


def _size(size: Size) -> str:
    cpu = "as it is" if size.cpu_m is None else format_cpu(size.cpu_m)
    memory = "as it is" if size.memory_bytes is None else format_memory(size.memory_bytes)
    return f"CPU {cpu}, memory {memory}"


def _words(found: Condition) -> str:
    since = f" since {timestamp(found.changed_s)}" if found.changed_s is not None else ""
    return f"{found.type} {found.status} ({found.reason}{since}): {found.message}"


def _message(conditions: Sequence[Condition], name: str) -> str:
    found = condition(conditions, name)
    return found.message if found else ""


def _to_stop(mine: MultidimPodAutoscaler) -> tuple[str, ...]:
    annotate = f"kubectl -n {mine.namespace} annotate --overwrite mpa {mine.name}"
    return (
        f"every change: {annotate} {PAUSE}=true",
        f"the policy: {annotate} {PHASE_ANNOTATION}=INCUMBENT",
    )
