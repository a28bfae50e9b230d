"""Everything about one workload that a plan is made from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from components.actuator.ceilings import Ceilings
from components.kubernetes_api.pods import Pod
from components.kubernetes_api.resources import Resources
from components.kubernetes_api.targets import STATEFUL_SET, ReplicaSet, Target


@dataclass(frozen=True, slots=True)
class Counted:
    """What the quotas' counts held of a workload when they were read."""

    replicas: int
    sizes: Mapping[str, Resources]


@dataclass(frozen=True, slots=True)
class Situation:
    """`pods` are the active pods of the target; `owners` name who else scales it.

    `disruptions_allowed`: by the tightest PodDisruptionBudget, None where none applies.
    `recommender_alive`: whether the status is still being looked after. `keeps`: why nothing may
    shrink for now, in words; empty where it may.
    `refused`: digests of the resizes that the API server refused, by `sizes.digest_of_sizes` with
    the pod's uid. `cooling`: uids of the pods that were resized a moment ago; `evicted_lately`:
    whether a pod of this workload was evicted a while ago. `ceilings`: what namespace and nodes
    leave room for; `counted`: what their quotas counted of this workload then, None where they
    were read just now.
    """

    target: Target
    replica_sets: tuple[ReplicaSet, ...] = ()
    pods: tuple[Pod, ...] = ()
    owners: tuple[str, ...] = ()
    disruptions_allowed: int | None = None
    pods_resize: bool = True
    recommender_alive: bool = True
    refused: frozenset[str] = frozenset()
    cooling: frozenset[str] = frozenset()
    evicted_lately: bool = False
    now_s: float = 0.0
    ceilings: Ceilings = field(default_factory=Ceilings)
    keeps: str = ""
    counted: Counted | None = None

    @property
    def sizes(self) -> Mapping[str, Resources]:
        """Return the sizes to compare with: the template's, or those of the pods where all agree.

        A StatefulSet's template is not kept in step: its pods tell what was last applied.
        """
        target, pods = self.target, self.pods
        alike = bool(pods) and all(pod.containers == pods[0].containers for pod in pods)
        return pods[0].containers if target.kind == STATEFUL_SET and alike else target.containers

    @property
    def now_counted(self) -> Counted:
        """Return what quotas that are read now hold of it."""
        return Counted(self.target.replicas, self.sizes)
