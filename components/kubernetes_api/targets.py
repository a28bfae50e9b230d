"""Deployments, StatefulSets and the ReplicaSets behind a Deployment, as the actuator sees them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from components.kubernetes_api.conditions import Condition, conditions_of
from components.kubernetes_api.fields import Fields, fields_of
from components.kubernetes_api.names import IN_STEP_LABEL
from components.kubernetes_api.resources import Resources, resources_of
from components.kubernetes_api.selectors import Selector, selector_of

DEPLOYMENT = "Deployment"
STATEFUL_SET = "StatefulSet"
PLURALS = {DEPLOYMENT: "deployments", STATEFUL_SET: "statefulsets"}


@dataclass(frozen=True, slots=True)
class Target:
    """A Deployment or a StatefulSet.

    `replicas` is wanted; `replicas_observed`, `_updated`, `_ready` are what its controller last
    counted, at generation `observed_generation`. `max_unavailable` is how many pods a rolling
    update may take away at once. `template` is the raw pod template, `containers` its resources.
    """

    kind: str
    namespace: str
    name: str
    uid: str
    resource_version: str
    generation: int
    observed_generation: int
    replicas: int
    replicas_observed: int
    replicas_updated: int
    replicas_ready: int
    revision_settled: bool
    paused: bool
    being_brought_in_step: bool
    strategy: str
    max_unavailable: int
    selector: Selector
    template: Mapping[str, Any]
    containers: Mapping[str, Resources]
    conditions: tuple[Condition, ...]

    @property
    def path(self) -> str:
        """Return the object's path in the API."""
        return f"/apis/apps/v1/namespaces/{self.namespace}/{PLURALS[self.kind]}/{self.name}"

    @property
    def words(self) -> str:
        """Return how messages name it."""
        return f"{self.kind} {self.namespace}/{self.name}"

    @property
    def unseen(self) -> bool:
        """Whether its controller has yet to look at the latest change."""
        return self.observed_generation < self.generation

    @property
    def rolling_out(self) -> bool:
        """Whether pods of an older template are still being replaced.

        A scale-out alone is no rollout: then every pod that exists has the newest template.
        """
        return not self.revision_settled or self.replicas_updated < self.replicas_observed


@dataclass(frozen=True, slots=True)
class ReplicaSet:
    """One revision of a Deployment; `replicas_observed` is its controller's count of pods."""

    name: str
    uid: str
    resource_version: str
    owner_uid: str
    created_s: float
    replicas: int
    replicas_observed: int
    template: Mapping[str, Any]
    containers: Mapping[str, Resources]


def target_of(document: Mapping[str, Any], kind: str) -> Target:
    """Reads a Deployment or a StatefulSet; raises BadObjectError for what can't be understood."""
    fields = fields_of(document, kind)
    metadata, spec, status = fields.child("metadata"), fields.child("spec"), fields.child("status")
    template = spec.child("template")
    replicas = spec.count("replicas")
    wanted = 1 if replicas is None else replicas
    strategy = spec.child("strategy" if kind == DEPLOYMENT else "updateStrategy")
    settled = kind == DEPLOYMENT or _settled(status) or strategy.text("type") == "OnDelete"
    # A StatefulSet tells by its revisions, not by updatedReplicas, that an update is done.
    observed = status.count("replicas") or 0
    return Target(
        kind=kind,
        namespace=metadata.required_text("namespace"),
        name=metadata.required_text("name"),
        uid=metadata.text("uid"),
        resource_version=metadata.text("resourceVersion"),
        generation=metadata.count("generation") or 0,
        observed_generation=status.count("observedGeneration") or 0,
        replicas=wanted,
        replicas_observed=observed,
        replicas_updated=(status.count("updatedReplicas") or 0) if kind == DEPLOYMENT else observed,
        replicas_ready=status.count("readyReplicas") or 0,
        revision_settled=settled,
        paused=kind == DEPLOYMENT and spec.flag("paused"),
        being_brought_in_step=IN_STEP_LABEL in metadata.child("labels").texts(),
        strategy=strategy.text("type", "RollingUpdate"),
        max_unavailable=_max_unavailable(strategy, kind, wanted),
        selector=selector_of(spec.child("selector")),
        template=template.value,
        containers=containers_of(template.child("spec")),
        conditions=conditions_of(status),
    )


def replica_set_of(document: Mapping[str, Any]) -> ReplicaSet:
    """Reads a ReplicaSet; raises BadObjectError for what can't be understood."""
    fields = fields_of(document, "ReplicaSet")
    metadata, spec, status = fields.child("metadata"), fields.child("spec"), fields.child("status")
    template = spec.child("template")
    return ReplicaSet(
        name=metadata.required_text("name"),
        uid=metadata.text("uid"),
        resource_version=metadata.text("resourceVersion"),
        owner_uid=controller_uid(metadata),
        created_s=metadata.time_s("creationTimestamp") or 0.0,
        replicas=spec.count("replicas") or 0,
        replicas_observed=status.count("replicas") or 0,
        template=template.value,
        containers=containers_of(template.child("spec")),
    )


def containers_of(pod_spec: Fields) -> dict[str, Resources]:
    """The resources of every container of a pod spec, by name."""
    return {item.required_text("name"): resources_of(item) for item in pod_spec.items("containers")}


def controller_uid(metadata: Fields) -> str:
    """The uid of the object that controls this one, empty where none does."""
    owners = [item for item in metadata.items("ownerReferences") if item.flag("controller")]
    return owners[0].text("uid") if owners else ""


def _settled(status: Fields) -> bool:
    current, update = status.text("currentRevision"), status.text("updateRevision")
    return not update or current == update


def _max_unavailable(strategy: Fields, kind: str, replicas: int) -> int:
    """How many pods a rollout may take away at once; percentages round down, as Kubernetes does."""
    if strategy.text("type", "RollingUpdate") == "Recreate":
        return replicas
    default = "25%" if kind == DEPLOYMENT else 1
    value = strategy.child("rollingUpdate").value.get("maxUnavailable", default)
    if isinstance(value, str) and value.endswith("%"):
        return math.floor(replicas * int(value[:-1]) / 100)
    return int(value)
