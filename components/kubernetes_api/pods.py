"""Pods, and how far an in-place resize of one has come."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from components.kubernetes_api.conditions import TRUE, Condition, condition, conditions_of
from components.kubernetes_api.fields import fields_of
from components.kubernetes_api.resources import Resources, resources_of
from components.kubernetes_api.targets import containers_of, controller_uid

DEFERRED = "Deferred"
INFEASIBLE = "Infeasible"


@dataclass(frozen=True, slots=True)
class Pod:
    """`containers` is what the spec asks for; `actual` what the kubelet says it has given.

    A kubelet older than 1.33 doesn't say: then `actual` lacks the container.
    """

    namespace: str
    name: str
    uid: str
    owner_uid: str
    labels: Mapping[str, str]
    phase: str
    leaving: bool
    ready: bool
    containers: Mapping[str, Resources]
    actual: Mapping[str, Resources]
    conditions: tuple[Condition, ...]

    @property
    def path(self) -> str:
        """Return the object's path in the API."""
        return f"/api/v1/namespaces/{self.namespace}/pods/{self.name}"

    @property
    def active(self) -> bool:
        """Whether it runs or will run."""
        return not self.leaving and self.phase not in ("Succeeded", "Failed")

    @property
    def resize_pending(self) -> Condition | None:
        """The condition that says why a resize waits: Deferred or Infeasible (KEP-1287)."""
        return self._true("PodResizePending")

    @property
    def resize_in_progress(self) -> Condition | None:
        """The condition that says that the kubelet is at it."""
        return self._true("PodResizeInProgress")

    @property
    def unplaced(self) -> str:
        """Return why the scheduler finds no node for it; empty where it has one or may yet."""
        scheduled = condition(self.conditions, "PodScheduled")
        if scheduled is None or scheduled.status == TRUE or scheduled.reason != "Unschedulable":
            return ""
        return scheduled.message or "no node has room"

    def landed(self, wanted: Mapping[str, Resources]) -> bool:
        """Whether the wanted sizes (of some containers) are asked for and, as told, given."""
        if self.resize_pending or self.resize_in_progress:
            return False
        return self.asks_for(wanted) and all(
            name not in self.actual or _given(self.actual[name], resources)
            for name, resources in wanted.items()
        )

    def asks_for(self, wanted: Mapping[str, Resources]) -> bool:
        """Whether its spec has the wanted sizes."""
        return all(self.containers.get(name) == resources for name, resources in wanted.items())

    def _true(self, type_: str) -> Condition | None:
        found = condition(self.conditions, type_)
        return found if found is not None and found.status == TRUE else None


def pod_of(document: Mapping[str, Any]) -> Pod:
    """Reads a Pod; raises BadObjectError for what can't be understood."""
    fields = fields_of(document, "Pod")
    metadata, status = fields.child("metadata"), fields.child("status")
    conditions = conditions_of(status)
    ready = condition(conditions, "Ready")
    return Pod(
        namespace=metadata.required_text("namespace"),
        name=metadata.required_text("name"),
        uid=metadata.text("uid"),
        owner_uid=controller_uid(metadata),
        labels=metadata.child("labels").texts(),
        phase=status.text("phase", "Pending"),
        leaving=metadata.value.get("deletionTimestamp") is not None,
        ready=ready is not None and ready.status == TRUE,
        containers=containers_of(fields.child("spec")),
        actual={
            item.required_text("name"): resources_of(item)
            for item in status.items("containerStatuses")
            if item.value.get("resources")
        },
        conditions=conditions,
    )


def _given(actual: Resources, wanted: Resources) -> bool:
    # A container runtime may not report every field: what is told must agree.
    pairs = (
        (actual.cpu_request_m, wanted.cpu_request_m),
        (actual.memory_request_bytes, wanted.memory_request_bytes),
        (actual.cpu_limit_m, wanted.cpu_limit_m),
        (actual.memory_limit_bytes, wanted.memory_limit_bytes),
    )
    return all(told is None or told == asked for told, asked in pairs)
