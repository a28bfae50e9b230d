"""The MultidimPodAutoscaler as this product reads it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from components.kubernetes_api.conditions import Condition, conditions_of
from components.kubernetes_api.container_policy import (
    OFF,
    ContainerPolicy,
    Size,
    container_policies,
    size_of,
)
from components.kubernetes_api.errors import BadObjectError
from components.kubernetes_api.fields import Fields, fields_of
from components.kubernetes_api.names import (
    EVICT_ANNOTATION,
    GROUP,
    KIND,
    MAINTENANCE_ANNOTATION,
    PAUSE_ANNOTATION,
    PHASE_ANNOTATION,
    PLURAL,
    RECOMMENDER,
    VERSION,
)

INITIAL = "Initial"
RECREATE = "Recreate"
AUTO = "Auto"
UPDATE_MODES = (OFF, INITIAL, RECREATE, AUTO)

PHASES = ("INCUMBENT", "SHADOW", "CANARY", "LIVE")

ALL_AUTOSCALERS = f"/apis/{GROUP}/{VERSION}/{PLURAL}"


@dataclass(frozen=True, slots=True)
class ContainerRecommendation:
    """What one container should request; a size within lower and upper is left as it is."""

    container: str
    target: Size
    lower: Size
    upper: Size


@dataclass(frozen=True, slots=True)
class MultidimPodAutoscaler:
    """One object: what the user asked for and what the recommender last wrote.

    `desired_replicas` is None until a recommender has written a status. `cpu_utilisation` is the
    goal for CPU as a share of the request, None where there is none. `recommender`: who is to
    decide; ours where nobody is named.
    """

    namespace: str
    name: str
    uid: str
    resource_version: str
    created_s: float
    target_kind: str
    target_name: str
    update_mode: str
    replicas_min: int | None
    replicas_max: int | None
    policies: tuple[ContainerPolicy, ...]
    phase: str
    paused: bool
    evicts: bool
    desired_replicas: int | None
    recommendations: tuple[ContainerRecommendation, ...]
    conditions: tuple[Condition, ...]
    annotations: Mapping[str, str] = field(default_factory=dict)
    cpu_utilisation: float | None = None
    recommender: str = RECOMMENDER

    @property
    def key(self) -> str:
        """Return ``namespace/name``."""
        return f"{self.namespace}/{self.name}"

    @property
    def path(self) -> str:
        """Return the object's path in the API."""
        return f"/apis/{GROUP}/{VERSION}/namespaces/{self.namespace}/{PLURAL}/{self.name}"

    @property
    def maintenance(self) -> str:
        """Return what the annotation says of maintenance windows, empty where there are none."""
        return self.annotations.get(MAINTENANCE_ANNOTATION, "")

    def policy(self, container: str) -> ContainerPolicy:
        """The policy for a container: its own, else the one for "*", else no restriction."""
        named = {policy.container: policy for policy in self.policies}
        return named.get(container) or named.get("*") or ContainerPolicy(container)


def autoscaler_of(document: Mapping[str, Any]) -> MultidimPodAutoscaler:
    """Reads a MultidimPodAutoscaler; without a policy its update mode is Off.

    Raises BadObjectError, naming the object and the field, for what can't be acted on.
    """
    fields = fields_of(document, KIND)
    metadata, spec, status = fields.child("metadata"), fields.child("spec"), fields.child("status")
    annotations = metadata.child("annotations").texts()
    target = spec.child("scaleTargetRef")
    bounds = spec.child("constraints").child("global")
    replicas_min, replicas_max = bounds.count("minReplicas"), bounds.count("maxReplicas")
    if None not in (replicas_min, replicas_max) and (replicas_min or 0) > (replicas_max or 0):
        raise BadObjectError(
            f"{fields.what}: minReplicas {replicas_min} is above maxReplicas {replicas_max}"
        )
    return MultidimPodAutoscaler(
        namespace=metadata.required_text("namespace"),
        name=metadata.required_text("name"),
        uid=metadata.text("uid"),
        resource_version=metadata.text("resourceVersion"),
        created_s=metadata.time_s("creationTimestamp") or 0.0,
        target_kind=target.required_text("kind"),
        target_name=target.required_text("name"),
        update_mode=_one_of(fields, spec.child("policy").text("updateMode", OFF), UPDATE_MODES),
        replicas_min=replicas_min,
        replicas_max=replicas_max,
        policies=container_policies(spec),
        phase=_one_of(fields, annotations.get(PHASE_ANNOTATION, PHASES[0]), PHASES),
        paused=annotations.get(PAUSE_ANNOTATION, "").lower() == "true",
        evicts=annotations.get(EVICT_ANNOTATION, "").lower() != "never",
        desired_replicas=status.count("desiredReplicas"),
        recommendations=tuple(
            _recommendation(item)
            for item in status.child("recommendation").items("containerRecommendations")
        ),
        conditions=conditions_of(status),
        annotations=annotations,
        cpu_utilisation=_cpu_utilisation(spec),
        recommender=_recommender(spec),
    )


def _recommender(spec: Fields) -> str:
    named = [item.required_text("name") for item in spec.items("recommenders")]
    return named[0] if named else RECOMMENDER


def _cpu_utilisation(spec: Fields) -> float | None:
    for item in spec.child("goals").items("metrics"):
        resource = item.child("resource")
        percent = resource.child("target").count("averageUtilization")
        if resource.text("name") == "cpu" and percent:
            return percent / 100
    return None


def _recommendation(item: Fields) -> ContainerRecommendation:
    return ContainerRecommendation(
        container=item.required_text("containerName"),
        target=size_of(item.child("target")),
        lower=size_of(item.child("lowerBound")),
        upper=size_of(item.child("upperBound")),
    )


def _one_of(fields: Fields, value: str, allowed: tuple[str, ...]) -> str:
    if value not in allowed:
        raise BadObjectError(f"{fields.what}: {value!r} is not one of {', '.join(allowed)}")
    return value
