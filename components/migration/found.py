"""What existing autoscalers say about one target: bounds, goals, and what must be left out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from components.kubernetes_api.container_policy import OFF, Size, size_of
from components.kubernetes_api.errors import BadObjectError
from components.kubernetes_api.fields import Fields, fields_of

HPA, VPA, KEDA = "HorizontalPodAutoscaler", "VerticalPodAutoscaler", "ScaledObject"
# KEDA's own defaults (keda.sh, ScaledObject specification).
_KEDA_REPLICAS_MAX = 100
_DEFAULT_CPU_PERCENT = 80
_UNBOUNDED = Size()


@dataclass(frozen=True, slots=True)
class ContainerBounds:
    """What a VPA allows for one container; `controlled` False: it is left as it is."""

    container: str
    controlled: bool = True
    minimum: Size = _UNBOUNDED
    maximum: Size = _UNBOUNDED
    resources: tuple[str, ...] = ("cpu", "memory")
    limits_follow: bool = True


@dataclass(frozen=True, slots=True)
class Found:
    """The autoscalers of one target, merged.

    `cpu_percent` is the goal of CPU in percent of the request, None without one. `behavior` is the
    HPA's, as it stands. `notes` say what is not carried over.
    """

    namespace: str
    target_kind: str
    target_name: str
    sources: tuple[str, ...]
    replicas_min: int | None = None
    replicas_max: int | None = None
    cpu_percent: int | None = None
    behavior: Mapping[str, Any] = field(default_factory=dict)
    containers: tuple[ContainerBounds, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        """Return ``namespace/target``."""
        return f"{self.namespace}/{self.target_name}"

    @property
    def by_vpa(self) -> bool:
        """Whether a VPA sizes the target today."""
        return any(source.startswith(VPA) for source in self.sources)


def found_in(document: Mapping[str, Any], default_namespace: str) -> Found:
    """Return what one HPA (v1 or v2), VPA or ScaledObject says.

    Raises BadObjectError, naming object and field, for a document that is none of them or broken.
    """
    kind = str(document.get("kind"))
    fields = fields_of(document, kind)
    read = {HPA: _hpa, VPA: _vpa, KEDA: _keda}.get(kind)
    if read is None:
        known = f"{HPA}, {VPA}, {KEDA}"
        raise BadObjectError(f"{fields.what}: kind is none of {known}; leave it out")
    metadata = fields.child("metadata")
    namespace = metadata.text("namespace", default_namespace)
    source = f"{kind} {namespace}/{metadata.required_text('name')}"
    return read(fields.child("spec"), namespace, source)


def merged(one: Found, other: Found) -> Found:
    """Return both of one target as one, such as an HPA on CPU and a VPA on memory.

    Where both set a thing, the first one's holds and a note says so.
    """
    conflicts = [
        f"{name} of {other.sources[0]} is left out: {one.sources[0]} sets it too"
        for name in ("replicas_max", "cpu_percent", "containers")
        if getattr(one, name) and getattr(other, name)
    ]
    return replace(
        one,
        sources=(*one.sources, *other.sources),
        replicas_min=_first(one.replicas_min, other.replicas_min),
        replicas_max=_first(one.replicas_max, other.replicas_max),
        cpu_percent=_first(one.cpu_percent, other.cpu_percent),
        behavior=one.behavior or other.behavior,
        containers=one.containers or other.containers,
        notes=(*one.notes, *other.notes, *conflicts),
    )


def _first(one: int | None, other: int | None) -> int | None:
    return other if one is None else one


def _hpa(spec: Fields, namespace: str, source: str) -> Found:
    target = spec.child("scaleTargetRef")
    goals = [(item, item.child("resource")) for item in spec.items("metrics")]
    cpu = [
        resource.child("target").count("averageUtilization")
        for _, resource in goals
        if resource.text("name") == "cpu"
    ]
    percent = next((value for value in cpu if value), None)
    percent = percent or spec.count("targetCPUUtilizationPercentage")
    dropped = [
        f"metric {resource.text('name') or item.text('type', 'unknown')} of {source} is left out:"
        " state it as the workload's SLO"
        for item, resource in goals
        if resource.text("name") != "cpu"
        or not resource.child("target").count("averageUtilization")
    ]
    without_goal = not goals and percent is None
    return Found(
        namespace=namespace,
        target_kind=target.required_text("kind"),
        target_name=target.required_text("name"),
        sources=(source,),
        replicas_min=spec.count("minReplicas") if "minReplicas" in spec.value else 1,
        replicas_max=spec.count("maxReplicas"),
        cpu_percent=_DEFAULT_CPU_PERCENT if without_goal else percent,
        behavior=spec.child("behavior").value,
        notes=tuple(dropped),
    )


def _vpa(spec: Fields, namespace: str, source: str) -> Found:
    target = spec.child("targetRef")
    policies = spec.child("resourcePolicy").items("containerPolicies")
    mode = spec.child("updatePolicy").text("updateMode", "Recreate")
    return Found(
        namespace=namespace,
        target_kind=target.required_text("kind"),
        target_name=target.required_text("name"),
        sources=(source,),
        containers=tuple(_container(policy) for policy in policies),
        notes=(f"updateMode {mode} of {source} becomes Off: nothing is applied until you say so",),
    )


def _container(policy: Fields) -> ContainerBounds:
    controlled = policy.value.get("controlledResources") or ("cpu", "memory")
    return ContainerBounds(
        container=policy.text("containerName", "*"),
        controlled=policy.text("mode", "Auto") != OFF,
        minimum=size_of(policy.child("minAllowed")),
        maximum=size_of(policy.child("maxAllowed")),
        resources=tuple(str(name) for name in controlled),
        limits_follow=policy.text("controlledValues", "RequestsAndLimits") != "RequestsOnly",
    )


def _keda(spec: Fields, namespace: str, source: str) -> Found:
    target = spec.child("scaleTargetRef")
    triggers = spec.items("triggers")
    cpu = [_keda_cpu_percent(item) for item in triggers if item.text("type") == "cpu"]
    notes = [
        f"trigger {item.text('type', 'unknown')} of {source} is left out: state it as the"
        " workload's SLO"
        for item in triggers
        if item.text("type") != "cpu" or _keda_cpu_percent(item) is None
    ]
    replicas_min = spec.count("minReplicaCount") or 0
    if replicas_min == 0:
        notes.append(f"{source} may scale to 0; an MPA keeps at least 1")
    maximum = spec.count("maxReplicaCount")
    horizontal = spec.child("advanced").child("horizontalPodAutoscalerConfig")
    return Found(
        namespace=namespace,
        target_kind=target.text("kind", "Deployment"),
        target_name=target.required_text("name"),
        sources=(source,),
        replicas_min=max(1, replicas_min),
        replicas_max=_KEDA_REPLICAS_MAX if maximum is None else maximum,
        cpu_percent=next((value for value in cpu if value), None),
        behavior=horizontal.child("behavior").value,
        notes=tuple(notes),
    )


def _keda_cpu_percent(trigger: Fields) -> int | None:
    """Return a cpu trigger's goal in percent, None where it is an amount per pod."""
    value = trigger.child("metadata").text("value")
    kind = trigger.text("metricType") or trigger.child("metadata").text("type", "Utilization")
    return int(value) if kind == "Utilization" and value.isdigit() and int(value) else None
