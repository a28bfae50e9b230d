"""API objects and situations for the actuator's pure tests."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from components.actuator.plan import Plan, plan_for
from components.actuator.settings import ActuatorSettings
from components.actuator.situation import Situation
from components.kubernetes_api.autoscaler import MultidimPodAutoscaler, autoscaler_of
from components.kubernetes_api.client import Json
from components.kubernetes_api.pods import Pod, pod_of
from components.kubernetes_api.resources import Resources
from components.kubernetes_api.targets import ReplicaSet, Target, replica_set_of, target_of

MI = 2**20
SMALL = Resources(200, 64 * MI, 200, 64 * MI)
LARGE = Resources(300, 100 * MI, 300, 100 * MI)


def autoscaler(
    replicas: int | None = 2,
    cpu: str = "200m",
    memory: str = "64Mi",
    mode: str = "Auto",
    kind: str = "Deployment",
    annotations: dict[str, str] | None = None,
    **spec: Any,
) -> MultidimPodAutoscaler:
    status: Json = {}
    if replicas is not None:
        status = {
            "currentReplicas": 2,
            "desiredReplicas": replicas,
            "conditions": [
                {"type": "RecommendationProvided", "status": "True", "reason": "IncumbentDecided"}
            ],
            "recommendation": {
                "containerRecommendations": [
                    {"containerName": "app", "target": {"cpu": cpu, "memory": memory}}
                ]
            },
        }
    return autoscaler_of(
        {
            "metadata": {
                "namespace": "shop",
                "name": "checkout",
                "uid": "mpa-uid",
                "annotations": annotations or {},
            },
            "spec": {
                "scaleTargetRef": {"kind": kind, "name": "checkout"},
                "policy": {"updateMode": mode},
                "constraints": {"global": {"minReplicas": 1, "maxReplicas": 6}},
                **spec,
            },
            "status": status,
        }
    )


def template(size: Resources = SMALL, hash_: str = "", **annotations: str) -> Json:
    labels = {"app": "checkout"} | ({"pod-template-hash": hash_} if hash_ else {})
    metadata: Json = {"labels": labels}
    if annotations:
        metadata["annotations"] = {
            key.replace("__", "/").replace("_", "."): value for key, value in annotations.items()
        }
    return {
        "metadata": metadata,
        "spec": {"containers": [{"name": "app", "resources": size.to_patch()}]},
    }


def target(
    replicas: int = 2,
    size: Resources = SMALL,
    kind: str = "Deployment",
    labels: dict[str, str] | None = None,
    pod_template: Json | None = None,
    spec: Json | None = None,
    **status: Any,
) -> Target:
    counts = {
        "observedGeneration": 1,
        "replicas": replicas,
        "updatedReplicas": replicas,
        "readyReplicas": replicas,
        **status,
    }
    return target_of(
        {
            "metadata": {
                "namespace": "shop",
                "name": "checkout",
                "uid": "target-uid",
                "resourceVersion": "7",
                "generation": 1,
                "labels": labels or {},
            },
            "spec": {
                "replicas": replicas,
                "selector": {"matchLabels": {"app": "checkout"}},
                "template": pod_template or template(size),
                **(spec or {}),
            },
            "status": counts,
        },
        kind,
    )


def replica_set(
    name: str = "checkout-1",
    replicas: int = 2,
    created: str = "2026-01-01T00:00:00Z",
    pod_template: Json | None = None,
) -> ReplicaSet:
    return replica_set_of(
        {
            "metadata": {
                "namespace": "shop",
                "name": name,
                "uid": f"{name}-uid",
                "resourceVersion": "5",
                "creationTimestamp": created,
                "ownerReferences": [{"uid": "target-uid", "controller": True}],
            },
            "spec": {"replicas": replicas, "template": pod_template or template(hash_="1")},
            "status": {"replicas": replicas},
        }
    )


def pod(
    name: str = "checkout-1-a",
    size: Resources = SMALL,
    ready: bool = True,
    actual: Resources | None = None,
    conditions: tuple[Json, ...] = (),
) -> Pod:
    status: Json = {
        "phase": "Running",
        "conditions": [{"type": "Ready", "status": "True" if ready else "False"}, *conditions],
    }
    if actual is not None:
        status["containerStatuses"] = [{"name": "app", "resources": actual.to_patch()}]
    return pod_of(
        {
            "metadata": {"namespace": "shop", "name": name, "uid": f"{name}-uid"},
            "spec": {"containers": [{"name": "app", "resources": size.to_patch()}]},
            "status": status,
        }
    )


def pending(reason: str, since: str = "2026-01-01T00:00:00Z") -> Json:
    return {
        "type": "PodResizePending",
        "status": "True",
        "reason": reason,
        "lastTransitionTime": since,
    }


def situation(
    workload: Target | None = None, pods: tuple[Pod, ...] | None = None, **changes: Any
) -> Situation:
    """By default two ready pods of one ReplicaSet, all SMALL."""
    usual = Situation(
        target=workload or target(),
        replica_sets=(replica_set(),),
        pods=(pod("checkout-1-a"), pod("checkout-1-b")) if pods is None else pods,
        now_s=1_767_226_200.0,  # 2026-01-01T00:10:00Z
    )
    return replace(usual, **changes)


SETTINGS = ActuatorSettings()
IN_STEP = {"aware.autoscaling/template-in-step": "true"}
GROW = {"cpu": "300m", "memory": "100Mi"}
LARGE_SETS = (replica_set(pod_template=template(LARGE, "1")),)


def planned(mine: MultidimPodAutoscaler, now: Situation | None = None) -> Plan:
    return plan_for(mine, now or situation(), SETTINGS)


def kinds(plan: Plan) -> list[type]:
    return [type(action) for action in plan.actions]
