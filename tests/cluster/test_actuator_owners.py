"""Who else scales a workload, objects that can't be acted on, and what is told."""

from __future__ import annotations

import pytest

from components.actuator.tick import Actuator
from components.kubernetes_api.client import (
    Json,
)
from tests.cluster.acting import SMALL, settle, told
from tests.cluster.api_server import Cluster
from tests.cluster.faulty_client import FaultyClient, actuator_with
from tests.cluster.workloads import (
    create_mpa,
    deployment,
    mpa,
    pods_of,
    recommend,
    start,
)


def hpa_document(name: str = "checkout") -> Json:
    return {
        "metadata": {"name": "by-hand"},
        "spec": {
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": name},
            "minReplicas": 1,
            "maxReplicas": 3,
        },
    }


def test_a_workload_that_an_hpa_scales_is_left_alone_and_the_hpa_is_named(
    cluster: Cluster, namespace: str, actuator: Actuator
) -> None:
    start(cluster, namespace, deployment(replicas=2))
    hpas = f"/apis/autoscaling/v1/namespaces/{namespace}/horizontalpodautoscalers"
    cluster.client.create(hpas, hpa_document())
    mine = create_mpa(cluster, namespace, mpa())
    recommend(cluster, mine, replicas=4, cpu="300m")

    settle(actuator, cluster, mine, "AnotherAutoscaler")

    assert f"HorizontalPodAutoscaler {namespace}/by-hand" in told(cluster, mine).message
    assert {pod.containers["app"] for pod in pods_of(cluster, namespace).values()} == {SMALL}
    cluster.client.delete(f"{hpas}/by-hand")
    settle(actuator, cluster, mine)
    assert len(pods_of(cluster, namespace)) == 4


def test_of_two_autoscalers_on_one_workload_the_older_acts(
    cluster: Cluster, namespace: str, actuator: Actuator
) -> None:
    start(cluster, namespace, deployment(replicas=2))
    older = create_mpa(cluster, namespace, mpa("a", target="checkout"))
    younger = create_mpa(cluster, namespace, mpa("b", target="checkout"))
    recommend(cluster, older, replicas=3)
    recommend(cluster, younger, replicas=5)

    settle(actuator, cluster, older)
    settle(actuator, cluster, younger, "AnotherAutoscaler")

    assert len(pods_of(cluster, namespace)) == 3
    assert f"MultidimPodAutoscaler {older.key}" in told(cluster, younger).message


def test_objects_that_cannot_be_acted_on_do_not_keep_others_waiting(
    cluster: Cluster, namespace: str, actuator: Actuator
) -> None:
    start(cluster, namespace, deployment(replicas=2))
    lost = create_mpa(cluster, namespace, mpa("a-lost", target="gone"))
    wrong = create_mpa(cluster, namespace, mpa("b-wrong", kind="DaemonSet"))
    empty = create_mpa(cluster, namespace, mpa("c-empty", target="other"))
    strange = create_mpa(cluster, namespace, mpa("d-strange", target="strange"))
    start(cluster, namespace, deployment("strange", replicas=1))
    recommend(cluster, lost, replicas=3)
    recommend(cluster, wrong, replicas=3)
    recommend(cluster, strange, replicas=3, cpu="1", container="absent")
    mine = create_mpa(cluster, namespace, mpa("z-fine", target="checkout"))
    recommend(cluster, mine, replicas=3)
    cluster.client.patch(
        lost.path, {"metadata": {"annotations": {"aware.autoscaling/phase": "LIVE"}}}
    )

    settle(actuator, cluster, mine)

    plans = actuator.tick()
    assert plans[lost.key].reason == "TargetNotFound"
    assert plans[wrong.key].reason == "TargetNotFound"
    assert plans[empty.key].reason == "NoRecommendation"
    assert plans[strange.key].reason == "BadRecommendation"
    assert "lacks (it has app, proxy)" in told(cluster, strange).message


def test_the_status_is_written_only_when_it_changes_and_events_tell_what_was_done(
    cluster: Cluster, namespace: str, actuator: Actuator
) -> None:
    start(cluster, namespace, deployment(replicas=2))
    mine = create_mpa(cluster, namespace, mpa())
    recommend(cluster, mine, replicas=3, cpu="300m")
    settle(actuator, cluster, mine)
    actuator.tick()
    version = cluster.client.get(mine.path)["metadata"]["resourceVersion"]

    actuator.tick()
    actuator.tick()

    assert cluster.client.get(mine.path)["metadata"]["resourceVersion"] == version
    events = cluster.client.list(f"/api/v1/namespaces/{namespace}/events")
    words = [
        item["message"] for item in events if item["source"].get("component") == "aware-actuator"
    ]
    assert any("scaled from 2 to 3 replicas" in text for text in words)
    assert any("in place to app cpu 300m" in text for text in words)


def crd(group: str, version: str, kind: str, plural: str) -> Json:
    schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {
            "name": f"{plural}.{group}",
            "annotations": {"api-approved.kubernetes.io": "unapproved, for a test"},
        },
        "spec": {
            "group": group,
            "scope": "Namespaced",
            "names": {"kind": kind, "plural": plural},
            "versions": [
                {
                    "name": version,
                    "served": True,
                    "storage": True,
                    "schema": {"openAPIV3Schema": schema},
                }
            ],
        },
    }


@pytest.mark.parametrize(
    ("group", "version", "kind", "plural", "reference"),
    [
        (
            "autoscaling.k8s.io",
            "v1",
            "VerticalPodAutoscaler",
            "verticalpodautoscalers",
            "targetRef",
        ),
        ("keda.sh", "v1alpha1", "ScaledObject", "scaledobjects", "scaleTargetRef"),
    ],
)
def test_a_workload_that_a_vpa_or_keda_scales_is_left_alone_and_it_is_named(
    cluster: Cluster,
    namespace: str,
    group: str,
    version: str,
    kind: str,
    plural: str,
    reference: str,
) -> None:
    if cluster.has_kubelets:
        pytest.skip("the user's own cluster gets no CRDs of others")
    crds = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
    cluster.apply(crds, crd(group, version, kind, plural))
    collection = f"/apis/{group}/{version}/namespaces/{namespace}/{plural}"
    cluster.wait_for(lambda: cluster.exists(collection))
    try:
        start(cluster, namespace, deployment(replicas=2))
        mine = create_mpa(cluster, namespace, mpa())
        recommend(cluster, mine, replicas=4)
        owner = {
            "apiVersion": f"{group}/{version}",
            "kind": kind,
            "metadata": {"name": "other"},
            "spec": {reference: {"kind": "Deployment", "name": "checkout"}},
        }
        cluster.client.create(collection, owner)
        actuator = actuator_with(FaultyClient(cluster.client))
        plan = actuator.tick()[mine.key]
        assert plan.reason == "AnotherAutoscaler"
        assert f"{kind} {namespace}/other" in plan.message
        if kind == "VerticalPodAutoscaler":
            off = {"spec": {"updatePolicy": {"updateMode": "Off"}}}
            cluster.client.patch(f"{collection}/other", off)
            settle(actuator, cluster, mine)
    finally:
        cluster.client.delete(f"{crds}/{plural}.{group}")
        cluster.wait_for(lambda: not cluster.exists(collection))
