"""Everything that the actuator can do to a cluster, as plain values.

Each states what shall be, not what to change, so that doing one twice does no harm.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from components.kubernetes_api.resources import Resources

Sizes = Mapping[str, Resources]


@dataclass(frozen=True, slots=True)
class SetReplicas:
    """Sets the number of replicas through the scale subresource."""

    replicas: int


@dataclass(frozen=True, slots=True)
class ResizePod:
    """Resizes a running pod in place through pods/resize."""

    pod: str
    pod_uid: str
    sizes: Sizes


@dataclass(frozen=True, slots=True)
class PauseWithTemplate:
    """Pauses a Deployment and gives its template the sizes, in one write."""

    sizes: Sizes
    marker: str


@dataclass(frozen=True, slots=True)
class AlignReplicaSet:
    """Gives a ReplicaSet the pod template that its Deployment has."""

    replica_set: str
    resource_version: str
    template: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class ResumeRollouts:
    """Ends the pause that PauseWithTemplate began."""


@dataclass(frozen=True, slots=True)
class RollTemplate:
    """Gives the template the sizes and lets the workload's controller replace its pods."""

    sizes: Sizes
    marker: str


@dataclass(frozen=True, slots=True)
class EvictPod:
    """Evicts a pod whose node can't give it its size; PodDisruptionBudgets decide."""

    pod: str
    pod_uid: str


Action = (
    SetReplicas
    | ResizePod
    | PauseWithTemplate
    | AlignReplicaSet
    | ResumeRollouts
    | RollTemplate
    | EvictPod
)
