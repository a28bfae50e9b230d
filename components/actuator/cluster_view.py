"""Reading the cluster: once for all workloads at the start of a tick, then one at a time."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import TypeVar

from components.actuator.ceilings import Ceilings
from components.actuator.situation import Situation
from components.kubernetes_api.autoscaler import MultidimPodAutoscaler
from components.kubernetes_api.capabilities import Capabilities
from components.kubernetes_api.client import KubernetesClient
from components.kubernetes_api.disruption import Budget, budget_of, disruptions_allowed
from components.kubernetes_api.errors import AbsentError
from components.kubernetes_api.names import IN_STEP_LABEL
from components.kubernetes_api.owners import Claim, other_owners
from components.kubernetes_api.pods import Pod, pod_of
from components.kubernetes_api.reading import parsed, read_other_owners
from components.kubernetes_api.selectors import query_of
from components.kubernetes_api.targets import (
    DEPLOYMENT,
    PLURALS,
    ReplicaSet,
    Target,
    replica_set_of,
    target_of,
)


@dataclass(frozen=True, slots=True)
class Claims:
    """What other autoscalers and PodDisruptionBudgets say, and what room there is, everywhere."""

    others: tuple[Claim, ...]
    autoscalers: tuple[MultidimPodAutoscaler, ...]
    budgets: tuple[Budget, ...]
    ceilings: Ceilings


@dataclass(frozen=True, slots=True)
class Workloads:
    """Every workload of the namespaces that were read, by (kind, namespace, name)."""

    targets: Mapping[tuple[str, str, str], Target]
    replica_sets: Mapping[str, tuple[ReplicaSet, ...]] = field(default_factory=dict)
    pods: Mapping[str, tuple[Pod, ...]] = field(default_factory=dict)


def read_claims(
    client: KubernetesClient,
    capabilities: Capabilities,
    autoscalers: Iterable[MultidimPodAutoscaler],
    ceilings: Ceilings,
) -> Claims:
    """Reads who else scales what; raises what the client raises: not knowing is no permission."""
    budgets = parsed(client.list(capabilities.budget_path), budget_of)
    others = read_other_owners(client, capabilities)
    return Claims(tuple(others), tuple(autoscalers), tuple(budgets), ceilings)


def read_workloads(client: KubernetesClient, namespaces: Iterable[str]) -> Workloads:
    """Reads all workloads, ReplicaSets and pods of some namespaces, four queries for each."""
    targets: dict[tuple[str, str, str], Target] = {}
    replica_sets: list[ReplicaSet] = []
    pods: list[Pod] = []
    for namespace in sorted(set(namespaces)):
        apps = f"/apis/apps/v1/namespaces/{namespace}"
        for kind, plural in PLURALS.items():
            items = client.list(f"{apps}/{plural}")
            for target in parsed(items, partial(target_of, kind=kind)):
                targets[kind, namespace, target.name] = target
        replica_sets.extend(parsed(client.list(f"{apps}/replicasets"), replica_set_of))
        pods.extend(parsed(client.list(f"/api/v1/namespaces/{namespace}/pods"), pod_of))
    return Workloads(targets, _by_owner(replica_sets), _by_owner(pods))


def read_workload(client: KubernetesClient, kind: str, namespace: str, name: str) -> Workloads:
    """Reads one workload anew, with its ReplicaSets and pods; empty where it is gone."""
    apps = f"/apis/apps/v1/namespaces/{namespace}"
    try:
        target = target_of(client.get(f"{apps}/{PLURALS[kind]}/{name}"), kind)
    except AbsentError:
        return Workloads({})
    query = {"labelSelector": query_of(target.selector)}
    replica_sets = (
        parsed(client.list(f"{apps}/replicasets", query), replica_set_of)
        if kind == DEPLOYMENT
        else []
    )
    pods = parsed(client.list(f"/api/v1/namespaces/{namespace}/pods", query), pod_of)
    return Workloads({(kind, namespace, name): target}, _by_owner(replica_sets), _by_owner(pods))


def left_in_step(client: KubernetesClient) -> list[Target]:
    """Deployments anywhere that an actuator was about to bring in step with their ReplicaSet."""
    items = client.list("/apis/apps/v1/deployments", {"labelSelector": IN_STEP_LABEL})
    return parsed(items, partial(target_of, kind=DEPLOYMENT))


def situation_of(
    target: Target,
    workloads: Workloads,
    claims: Claims,
    autoscaler: MultidimPodAutoscaler | None,
) -> Situation:
    """What the objects say about one workload; without an autoscaler nobody else can own it."""
    replica_sets = workloads.replica_sets.get(target.uid, ())
    owners = [item.uid for item in replica_sets] if target.kind == DEPLOYMENT else [target.uid]
    pods = tuple(pod for uid in owners for pod in workloads.pods.get(uid, ()) if pod.active)
    metadata = target.template.get("metadata") or {}
    return Situation(
        target=target,
        replica_sets=replica_sets,
        pods=pods,
        owners=(other_owners(autoscaler, claims.others, claims.autoscalers) if autoscaler else ()),
        disruptions_allowed=disruptions_allowed(
            target.namespace, metadata.get("labels") or {}, claims.budgets
        ),
        ceilings=claims.ceilings.within(target.namespace),
    )


_Owned = TypeVar("_Owned", ReplicaSet, Pod)


def _by_owner(items: Iterable[_Owned]) -> dict[str, tuple[_Owned, ...]]:
    owned: dict[str, list[_Owned]] = defaultdict(list)
    for item in items:
        owned[item.owner_uid].append(item)
    return {uid: tuple(group) for uid, group in owned.items()}
