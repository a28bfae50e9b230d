"""Letting an actuator act until it is done, and reading what came of it."""

from __future__ import annotations

from components.actuator.plan import Plan
from components.actuator.settings import ActuatorSettings
from components.actuator.tick import Actuator
from components.kubernetes_api.autoscaler import MultidimPodAutoscaler, autoscaler_of
from components.kubernetes_api.client import (
    Json,
)
from components.kubernetes_api.conditions import Condition, condition
from components.kubernetes_api.resources import Resources
from tests.cluster.api_server import Cluster

MI = 2**20
SMALL = Resources(200, 64 * MI, 200, 64 * MI)
LARGE = Resources(300, 100 * MI, 300, 100 * MI)
SETTINGS = ActuatorSettings(pass_wait_s=0.2, pod_cool_down_s=0.0)


def settle(
    actuator: Actuator, cluster: Cluster, mine: MultidimPodAutoscaler, reason: str = "Applied"
) -> Plan:
    def reached() -> Plan | None:
        plan = actuator.tick()[mine.key]
        return plan if plan.reason == reason else None

    plan = cluster.wait_for(reached, mine.namespace)
    assert isinstance(plan, Plan)
    return plan


def told(cluster: Cluster, mine: MultidimPodAutoscaler) -> Condition:
    found = condition(autoscaler_of(cluster.client.get(mine.path)).conditions, "AbleToScale")
    assert found is not None
    return found


def replica_sets(cluster: Cluster, namespace: str) -> list[Json]:
    return cluster.client.list(f"/apis/apps/v1/namespaces/{namespace}/replicasets")
