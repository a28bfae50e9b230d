"""What namespace, nodes and webhooks refuse, on a real API server with its own admission."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from components.actuator.tick import Actuator
from components.kubernetes_api.client import Json
from components.kubernetes_api.errors import DeniedError, QuotaExceededError
from tests.cluster.acting import LARGE, MI, SMALL, settle, told
from tests.cluster.api_server import NODE, Cluster
from tests.cluster.denying_webhook import REASON, denying
from tests.cluster.faulty_client import FaultyClient, actuator_with
from tests.cluster.workloads import create_mpa, deployment, mpa, pods_of, recommend, start


def restrict(cluster: Cluster, namespace: str, kind: str, spec: Json) -> str:
    """Puts a LimitRange or a ResourceQuota on the server; a quota is waited for to be counted."""
    plural = {"LimitRange": "limitranges", "ResourceQuota": "resourcequotas"}[kind]
    path = f"/api/v1/namespaces/{namespace}/{plural}"
    cluster.client.create(path, {"metadata": {"name": "team"}, "spec": spec})
    if kind == "ResourceQuota":

        def counted() -> bool:
            used = cluster.client.get(f"{path}/team").get("status", {}).get("used") or {"": "0"}
            return "0" not in used.values() or not pods_of(cluster, namespace)

        cluster.wait_for(counted)
    return f"{path}/team"


def asked(client: FaultyClient, namespace: str) -> list[str]:
    return [path for path in client.attempted if f"/{namespace}/" in path]


def test_a_limit_range_bounds_the_size_and_the_condition_names_it(
    cluster: Cluster, namespace: str, actuator: Actuator
) -> None:
    start(cluster, namespace, deployment(replicas=2))
    restrict(
        cluster,
        namespace,
        "LimitRange",
        {"limits": [{"type": "Container", "max": {"cpu": "250m"}}]},
    )
    mine = create_mpa(cluster, namespace, mpa())
    recommend(cluster, mine, replicas=3, cpu="300m", memory="100Mi")

    plan = settle(actuator, cluster, mine, reason="LimitRange")
    cluster.wait_for(lambda: not actuator.tick()[mine.key].actions, namespace)

    pods = pods_of(cluster, namespace)
    assert len(pods) == 3, "a new pod of the unbounded size would have been refused"
    assert {pod.containers["app"].cpu_limit_m for pod in pods.values()} == {250}
    assert {pod.containers["app"].memory_limit_bytes for pod in pods.values()} == {100 * MI}
    assert f"LimitRange {namespace}/team allows container app at most 250m of cpu" in plan.message
    assert told(cluster, mine).reason == "LimitRange"


def test_a_quota_bounds_the_replicas_before_the_server_refuses_them(
    cluster: Cluster, namespace: str, actuator: Actuator
) -> None:
    start(cluster, namespace, deployment(replicas=2))
    # Two pods of 220m use 440m; a third fits, a fourth doesn't.
    restrict(cluster, namespace, "ResourceQuota", {"hard": {"requests.cpu": "700m"}})
    mine = create_mpa(cluster, namespace, mpa())
    recommend(cluster, mine, replicas=4, cpu="200m", memory="64Mi")

    settle(actuator, cluster, mine, reason="ResourceQuota")

    cluster.wait_for(lambda: len(pods_of(cluster, namespace)) == 3, namespace)
    plan = settle(actuator, cluster, mine, reason="ResourceQuota")
    assert not plan.actions, "what the quota has no room for is not asked for again and again"
    assert f"ResourceQuota {namespace}/team has room for 3 replicas" in told(cluster, mine).message


def test_when_the_quota_grows_the_wish_is_reached_without_a_hand(
    cluster: Cluster, namespace: str, actuator: Actuator
) -> None:
    start(cluster, namespace, deployment(replicas=2))
    quota = restrict(cluster, namespace, "ResourceQuota", {"hard": {"pods": "2"}})
    mine = create_mpa(cluster, namespace, mpa())
    recommend(cluster, mine, replicas=4, cpu="200m", memory="64Mi")
    settle(actuator, cluster, mine, reason="ResourceQuota")

    cluster.client.patch(quota, {"spec": {"hard": {"pods": "9"}}})

    settle(actuator, cluster, mine)
    assert len(pods_of(cluster, namespace)) == 4


def test_a_pod_that_no_node_could_hold_is_not_made(
    cluster: Cluster, namespace: str, actuator: Actuator
) -> None:
    if cluster.has_kubelets:
        pytest.skip("the size of a user's nodes isn't known")
    start(cluster, namespace, deployment(replicas=2))
    mine = create_mpa(cluster, namespace, mpa())
    path = f"/api/v1/nodes/{NODE}/status"
    room = cluster.client.get(f"/api/v1/nodes/{NODE}")["status"]["allocatable"]
    cluster.client.patch(path, {"status": {"allocatable": room | {"cpu": "270m"}}})
    try:
        recommend(cluster, mine, replicas=2, cpu="300m", memory="64Mi")
        settle(actuator, cluster, mine, reason="NodeTooSmall")
        cluster.wait_for(lambda: not actuator.tick()[mine.key].actions, namespace)
    finally:
        cluster.client.patch(path, {"status": {"allocatable": room}})

    # 270m less the sidecar's 20m.
    assert {pod.containers["app"].cpu_limit_m for pod in pods_of(cluster, namespace).values()} == {
        250
    }
    assert "the largest node" in told(cluster, mine).message


def test_a_replica_that_finds_no_node_is_told_and_nothing_shrinks_for_it(
    cluster: Cluster, namespace: str, actuator: Actuator
) -> None:
    if cluster.has_kubelets:
        pytest.skip("a user's nodes may have room")
    start(cluster, namespace, deployment(replicas=2))
    old = pods_of(cluster, namespace)
    mine = create_mpa(cluster, namespace, mpa())
    recommend(cluster, mine, replicas=3, cpu="100m", memory="40Mi")
    actuator.tick()
    cluster.wait_for(lambda: len(pods_of(cluster, namespace)) == 3)
    (homeless,) = pods_of(cluster, namespace).keys() - old.keys()
    words = "0/1 nodes are available: 1 Insufficient cpu."
    full = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": words}
    path = f"/api/v1/namespaces/{namespace}/pods/{homeless}/status"
    cluster.client.patch(path, {"status": {"conditions": [full]}})

    reasons = {actuator.tick()[mine.key].reason for _ in range(5)}

    assert reasons == {"PodsUnschedulable"}
    assert words in told(cluster, mine).message
    pods = pods_of(cluster, namespace)
    assert {pods[name].containers["app"] for name in old} == {SMALL}
    settle(actuator, cluster, mine)
    assert {pod.containers["app"].cpu_limit_m for pod in pods_of(cluster, namespace).values()} == {
        100
    }


def test_a_webhook_that_denies_is_told_and_asked_again_only_after_a_pause(
    cluster: Cluster, namespace: str, tmp_path: Path
) -> None:
    if cluster.has_kubelets:
        pytest.skip("a user's cluster can't reach this machine's loopback")
    start(cluster, namespace, deployment(replicas=2))
    mine = create_mpa(cluster, namespace, mpa())
    recommend(cluster, mine, replicas=4, cpu="300m", memory="100Mi")
    client = FaultyClient(cluster.client)
    actuator = actuator_with(client)
    now_s = [time.monotonic()]
    actuator.clock = lambda: now_s[0]
    rule = {
        "apiGroups": ["apps"],
        "apiVersions": ["v1"],
        "operations": ["UPDATE"],
        "resources": ["deployments", "deployments/scale"],
    }
    with denying(cluster, namespace, tmp_path, rule):
        cluster.wait_for(lambda: actuator.tick()[mine.key].reason == "WebhookDenied", namespace)
        refused = told(cluster, mine)
        tried = asked(client, namespace)
        for _ in range(5):
            actuator.tick()
        assert asked(client, namespace) == tried, "nothing is asked for during the pause"
    assert REASON in refused.message
    assert {pod.containers["app"] for pod in pods_of(cluster, namespace).values()} == {SMALL}

    now_s[0] += 301.0

    settle(actuator, cluster, mine)
    pods = pods_of(cluster, namespace)
    assert len(pods) == 4
    assert {pod.containers["app"] for pod in pods.values()} == {LARGE}


def test_the_servers_refusals_are_told_apart(
    cluster: Cluster, namespace: str, tmp_path: Path
) -> None:
    path = f"/api/v1/namespaces/{namespace}/pods"
    pod = deployment()["spec"]["template"] | {"apiVersion": "v1", "kind": "Pod"}
    pod["metadata"] = {"name": "extra"}
    restrict(cluster, namespace, "ResourceQuota", {"hard": {"pods": "0"}})
    with pytest.raises(QuotaExceededError, match="exceeded quota: team"):
        cluster.client.create(path, pod)
    if cluster.has_kubelets:
        return
    rule = {
        "apiGroups": [""],
        "apiVersions": ["v1"],
        "operations": ["CREATE"],
        "resources": ["configmaps"],
    }
    with denying(cluster, namespace, tmp_path, rule):

        def denied() -> bool:
            try:
                maps = f"/api/v1/namespaces/{namespace}/configmaps"
                cluster.client.create(maps, {"metadata": {"generateName": "x-"}})
            except DeniedError as error:
                return REASON in str(error)
            return False

        cluster.wait_for(denied)
