"""Everything about one workload that a plan is made from."""

from __future__ import annotations

from dataclasses import dataclass

from components.kubernetes_api.pods import Pod
from components.kubernetes_api.targets import ReplicaSet, Target


@dataclass(frozen=True, slots=True)
class Situation:
    """`pods` are the active pods of the target; `owners` name who else scales it.

    `disruptions_allowed`: by the tightest PodDisruptionBudget, None where none applies.
    `recommender_alive`: whether the status is still being looked after.
    `refused`: digests of the resizes that the API server refused, by `sizes.digest_of_sizes` with
    the pod's uid.
    """

    target: Target
    replica_sets: tuple[ReplicaSet, ...] = ()
    pods: tuple[Pod, ...] = ()
    owners: tuple[str, ...] = ()
    disruptions_allowed: int | None = None
    pods_resize: bool = True
    recommender_alive: bool = True
    refused: frozenset[str] = frozenset()
    now_s: float = 0.0
