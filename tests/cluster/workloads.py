"""Objects that the tests put on the API server."""

from __future__ import annotations

from typing import Any

import yaml

from components.kubernetes_api.autoscaler import MultidimPodAutoscaler, autoscaler_of
from components.kubernetes_api.client import Json
from components.kubernetes_api.names import GROUP, KIND, PLURAL, VERSION
from components.kubernetes_api.pods import Pod, pod_of
from tests.cluster.api_server import REPOSITORY, Cluster

_IMAGE = "registry.k8s.io/pause:3.9"


def deployment(name: str = "checkout", replicas: int = 2, **spec: Any) -> Json:
    """A Deployment whose container `app` has limits equal to its requests, beside a sidecar."""
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {"app": name}},
            "template": pod_template(name),
            **spec,
        },
    }


def stateful_set(name: str = "ledger", replicas: int = 2, **spec: Any) -> Json:
    """A StatefulSet with the same pods."""
    document = deployment(name, replicas, serviceName=name, podManagementPolicy="Parallel", **spec)
    return document | {"kind": "StatefulSet"}


def pod_template(name: str) -> Json:
    """Pods of the Guaranteed QoS class."""
    size = {"cpu": "200m", "memory": "64Mi"}
    sidecar = {"cpu": "20m", "memory": "16Mi"}
    return {
        "metadata": {"labels": {"app": name}},
        "spec": {
            "terminationGracePeriodSeconds": 0,
            "containers": [
                {"name": "app", "image": _IMAGE, "resources": {"requests": size, "limits": size}},
                {
                    "name": "proxy",
                    "image": _IMAGE,
                    "resources": {"requests": sidecar, "limits": sidecar},
                },
            ],
        },
    }


def mpa(
    name: str = "checkout",
    mode: str = "Auto",
    kind: str = "Deployment",
    target: str | None = None,
    annotations: dict[str, str] | None = None,
) -> Json:
    """A MultidimPodAutoscaler for the container `app`: 1-6 replicas, 50m-1, 32Mi-1Gi."""
    return {
        "apiVersion": f"{GROUP}/{VERSION}",
        "kind": KIND,
        "metadata": {"name": name, "annotations": annotations or {}},
        "spec": {
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": kind, "name": target or name},
            "policy": {"updateMode": mode},
            "constraints": {
                "global": {"minReplicas": 1, "maxReplicas": 6},
                "container": [
                    {
                        "name": "app",
                        "requests": {
                            "minAllowed": {"cpu": "50m", "memory": "32Mi"},
                            "maxAllowed": {"cpu": "1", "memory": "1Gi"},
                        },
                    }
                ],
            },
        },
    }


def install_crd(cluster: Cluster) -> None:
    """Puts the product's CRD on the server and waits until it is served."""
    path = REPOSITORY / "manifests" / "crd" / "multidimpodautoscalers.yaml"
    document = yaml.safe_load(path.read_text())
    cluster.apply("/apis/apiextensions.k8s.io/v1/customresourcedefinitions", document)
    cluster.wait_for(lambda: cluster.exists(f"/apis/{GROUP}/{VERSION}"))
    cluster.wait_for(lambda: cluster.exists(f"/apis/{GROUP}/{VERSION}/{PLURAL}"))


def create_mpa(cluster: Cluster, namespace: str, document: Json) -> MultidimPodAutoscaler:
    """Puts a MultidimPodAutoscaler on the server."""
    path = f"/apis/{GROUP}/{VERSION}/namespaces/{namespace}/{PLURAL}"
    return autoscaler_of(cluster.client.create(path, document))


def recommend(
    cluster: Cluster,
    autoscaler: MultidimPodAutoscaler,
    replicas: int,
    cpu: str = "",
    memory: str = "",
    reason: str = "IncumbentDecided",
    container: str = "app",
) -> None:
    """Writes a status as the recommender does."""
    target = {key: value for key, value in (("cpu", cpu), ("memory", memory)) if value}
    status = {
        "currentReplicas": replicas,
        "desiredReplicas": replicas,
        "conditions": [
            {
                "type": "RecommendationProvided",
                "status": "True",
                "reason": reason,
                "message": "by a test",
            }
        ],
        "recommendation": {
            "containerRecommendations": (
                [{"containerName": container, "target": target}] if target else []
            )
        },
    }
    cluster.client.patch(f"{autoscaler.path}/status", {"status": status})


def start(cluster: Cluster, namespace: str, document: Json) -> str:
    """Puts a Deployment or StatefulSet on the server, waits for its pods; returns its path."""
    plural = {"Deployment": "deployments", "StatefulSet": "statefulsets"}[document["kind"]]
    path = f"/apis/apps/v1/namespaces/{namespace}/{plural}"
    cluster.client.create(path, document)
    path = f"{path}/{document['metadata']['name']}"

    def ready() -> bool:
        found = cluster.client.get(path)
        wanted = found["spec"]["replicas"]
        return bool(found.get("status", {}).get("readyReplicas", 0) == wanted)

    cluster.wait_for(ready, namespace)
    return path


def pods_of(cluster: Cluster, namespace: str) -> dict[str, Pod]:
    """The pods that run or will run, by name."""
    items = cluster.client.list(f"/api/v1/namespaces/{namespace}/pods")
    return {pod.name: pod for pod in map(pod_of, items) if pod.active}


def mark_infeasible(cluster: Cluster, path: str) -> None:
    """Says in a pod's status, as its kubelet would, that its node can't resize it."""
    pending = {
        "type": "PodResizePending",
        "status": "True",
        "reason": "Infeasible",
        "message": "Node didn't have enough capacity",
        "lastTransitionTime": "2026-01-01T00:00:00Z",
    }
    cluster.client.patch(
        f"{path}/status",
        {"status": {"conditions": [pending]}},
        "application/strategic-merge-patch+json",
    )
