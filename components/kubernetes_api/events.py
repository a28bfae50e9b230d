"""Events: what was done to a workload, where people look for it."""

from __future__ import annotations

import hashlib

from components.kubernetes_api.autoscaler import MultidimPodAutoscaler
from components.kubernetes_api.client import KubernetesClient
from components.kubernetes_api.conditions import timestamp
from components.kubernetes_api.names import GROUP, KIND, VERSION

NORMAL = "Normal"
WARNING = "Warning"


def post_event(
    client: KubernetesClient,
    autoscaler: MultidimPodAutoscaler,
    component: str,
    type_: str,
    reason: str,
    message: str,
    now_s: float,
) -> None:
    """Writes an Event on a MultidimPodAutoscaler; raises what the client raises."""
    time = timestamp(now_s)
    identity = f"{autoscaler.uid} {component} {reason} {message} {now_s:.6f}"
    digest = hashlib.sha256(identity.encode()).hexdigest()[:16]
    client.create(
        f"/api/v1/namespaces/{autoscaler.namespace}/events",
        {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {
                "namespace": autoscaler.namespace,
                "name": f"{autoscaler.name}.{digest}",
            },
            "involvedObject": {
                "apiVersion": f"{GROUP}/{VERSION}",
                "kind": KIND,
                "namespace": autoscaler.namespace,
                "name": autoscaler.name,
                "uid": autoscaler.uid,
                "resourceVersion": autoscaler.resource_version,
            },
            "type": type_,
            "reason": reason,
            "message": message[:1024],
            "source": {"component": component},
            "firstTimestamp": time,
            "lastTimestamp": time,
            "count": 1,
        },
    )
