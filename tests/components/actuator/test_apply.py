from __future__ import annotations

import pytest

from components.actuator.actions import (
    Action,
    AlignReplicaSet,
    EvictPod,
    PauseWithTemplate,
    ResizePod,
    ResumeRollouts,
    RollTemplate,
    SetReplicas,
)
from components.actuator.apply import request_of
from tests.components.actuator.objects import LARGE, target, template

CONTAINERS = [
    {
        "name": "app",
        "resources": {
            "requests": {"cpu": "300m", "memory": "100Mi"},
            "limits": {"cpu": "300m", "memory": "100Mi"},
        },
    }
]
DEPLOYMENT = "/apis/apps/v1/namespaces/shop/deployments/checkout"


@pytest.mark.parametrize(
    ("action", "path"),
    [
        (SetReplicas(3), f"{DEPLOYMENT}/scale"),
        (ResizePod("a", "u", {"app": LARGE}), "/api/v1/namespaces/shop/pods/a/resize"),
        (EvictPod("a", "u"), "/api/v1/namespaces/shop/pods/a/eviction"),
        (PauseWithTemplate({"app": LARGE}, "m"), DEPLOYMENT),
        (ResumeRollouts(), DEPLOYMENT),
        (RollTemplate({"app": LARGE}, "m"), DEPLOYMENT),
        (
            AlignReplicaSet("rs", "5", template(LARGE)),
            "/apis/apps/v1/namespaces/shop/replicasets/rs",
        ),
    ],
)
def test_every_action_is_one_request_that_says_what_it_does(action: Action, path: str) -> None:
    request = request_of(target(), action, "policy/v1")
    assert request.path == path
    assert request.words


def test_what_is_decided_on_a_template_is_conditional_on_the_version_it_was_read_at() -> None:
    for action in (PauseWithTemplate({"app": LARGE}, "m"), ResumeRollouts(), RollTemplate({}, "m")):
        body = request_of(target(), action, "policy/v1").body
        assert isinstance(body, dict)
        assert body["metadata"]["resourceVersion"] == "7"
    body = request_of(target(), AlignReplicaSet("rs", "5", template(LARGE)), "policy/v1").body
    assert body[0] == {"op": "replace", "path": "/metadata/resourceVersion", "value": "5"}


def test_pausing_and_changing_the_template_is_one_write() -> None:
    body = request_of(target(), PauseWithTemplate({"app": LARGE}, "m"), "policy/v1").body
    assert body["metadata"]["labels"] == {"aware.autoscaling/template-in-step": "true"}
    assert body["spec"] == {
        "paused": True,
        "template": {
            "metadata": {"annotations": {"aware.autoscaling/resized": "m"}},
            "spec": {"containers": CONTAINERS},
        },
    }


def test_an_eviction_is_for_the_pod_that_was_seen_and_no_successor_of_its_name() -> None:
    body = request_of(target(), EvictPod("a", "u"), "policy/v1beta1").body
    assert body["apiVersion"] == "policy/v1beta1"
    assert body["deleteOptions"] == {"preconditions": {"uid": "u"}}
