"""Carrying out one action: the request that it is, and its sending."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, assert_never

from components.actuator.actions import (
    Action,
    AlignReplicaSet,
    EvictPod,
    PauseWithTemplate,
    ResizePod,
    ResumeRollouts,
    RollTemplate,
    SetReplicas,
    Sizes,
)
from components.kubernetes_api.client import (
    JSON_PATCH,
    MERGE_PATCH,
    STRATEGIC_MERGE_PATCH,
    Body,
    KubernetesClient,
)
from components.kubernetes_api.names import IN_STEP_LABEL, RESIZED_ANNOTATION
from components.kubernetes_api.resources import describe
from components.kubernetes_api.targets import Target


@dataclass(frozen=True, slots=True)
class Request:
    """A patch (or, without a content type, a POST) and what it does in words."""

    path: str
    body: Body
    content_type: str
    words: str


def apply(client: KubernetesClient, target: Target, action: Action, budget_version: str) -> str:
    """Carries out an action on a workload and returns what was done, in words.

    Raises what the client raises; ConflictError where the plan was made from what has changed.
    """
    request = request_of(target, action, budget_version)
    if request.content_type:
        client.patch(request.path, request.body, request.content_type)
    else:
        assert isinstance(request.body, dict)
        # A 429 is a PodDisruptionBudget's answer here: asking again at once changes nothing.
        client.create(request.path, request.body, retry_busy=False)
    return request.words


def request_of(target: Target, action: Action, budget_version: str) -> Request:
    """The one request that an action is.

    What was decided on a template carries the resourceVersion that it was read at.
    """
    match action:
        case SetReplicas():
            return Request(
                f"{target.path}/scale",
                {"spec": {"replicas": action.replicas}},
                MERGE_PATCH,
                f"scaled from {target.replicas} to {action.replicas} replicas",
            )
        case ResizePod():
            return Request(
                f"/api/v1/namespaces/{target.namespace}/pods/{action.pod}/resize",
                {"spec": {"containers": _containers(action.sizes)}},
                STRATEGIC_MERGE_PATCH,
                f"resized pod {action.pod} in place to {_words(action.sizes)}",
            )
        case EvictPod():
            return _eviction(target, action, budget_version)
        case AlignReplicaSet():
            return _alignment(target, action)
        case PauseWithTemplate() | ResumeRollouts() | RollTemplate():
            return _template_request(target, action)
        case _:
            assert_never(action)


def _template_request(
    target: Target, action: PauseWithTemplate | ResumeRollouts | RollTemplate
) -> Request:
    metadata: dict[str, Any] = {"resourceVersion": target.resource_version}
    match action:
        case PauseWithTemplate():
            metadata["labels"] = {IN_STEP_LABEL: "true"}
            spec = {"paused": True, "template": _template(action.sizes, action.marker)}
            words = f"set the template to {_words(action.sizes)}"
        case ResumeRollouts():
            metadata["labels"] = {IN_STEP_LABEL: None}
            spec = {"paused": None}
            words = "the template is in step, no pod was replaced"
        case RollTemplate():
            spec = {"template": _template(action.sizes, action.marker)}
            words = f"rolled out {_words(action.sizes)}"
    body = {"metadata": metadata, "spec": spec}
    return Request(target.path, body, STRATEGIC_MERGE_PATCH, words)


def _alignment(target: Target, action: AlignReplicaSet) -> Request:
    # Setting the version to what was read makes the patch conditional, with 409 as the answer.
    version = {
        "op": "replace",
        "path": "/metadata/resourceVersion",
        "value": action.resource_version,
    }
    template = {"op": "replace", "path": "/spec/template", "value": dict(action.template)}
    return Request(
        f"/apis/apps/v1/namespaces/{target.namespace}/replicasets/{action.replica_set}",
        [version, template],
        JSON_PATCH,
        f"brought ReplicaSet {action.replica_set} in step with the template",
    )


def _eviction(target: Target, action: EvictPod, budget_version: str) -> Request:
    body = {
        "apiVersion": budget_version,
        "kind": "Eviction",
        "metadata": {"name": action.pod, "namespace": target.namespace},
        "deleteOptions": {"preconditions": {"uid": action.pod_uid}},
    }
    path = f"/api/v1/namespaces/{target.namespace}/pods/{action.pod}/eviction"
    return Request(path, body, "", f"evicted pod {action.pod}")


def _template(sizes: Sizes, marker: str) -> dict[str, Any]:
    return {
        "metadata": {"annotations": {RESIZED_ANNOTATION: marker}},
        "spec": {"containers": _containers(sizes)},
    }


def _containers(sizes: Sizes) -> list[dict[str, Any]]:
    return [
        {"name": name, "resources": resources.to_patch()}
        for name, resources in sorted(sizes.items())
    ]


def _words(sizes: Sizes) -> str:
    return "; ".join(f"{name} {describe(resources)}" for name, resources in sorted(sizes.items()))
