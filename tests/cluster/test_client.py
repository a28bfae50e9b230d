from __future__ import annotations

import threading

import pytest

from components.kubernetes_api.autoscaler import autoscaler_of
from components.kubernetes_api.capabilities import discover
from components.kubernetes_api.client import STRATEGIC_MERGE_PATCH, connect
from components.kubernetes_api.errors import AbsentError, ConflictError, RefusedError
from components.kubernetes_api.leases import LeaseHolder, LeaseWatch
from components.kubernetes_api.pods import pod_of
from components.kubernetes_api.targets import replica_set_of, target_of
from tests.cluster.api_server import Cluster
from tests.cluster.workloads import create_mpa, deployment, mpa, recommend, stateful_set


def test_a_deployment_is_read_with_its_replica_set_and_pods(
    cluster: Cluster, namespace: str
) -> None:
    path = f"/apis/apps/v1/namespaces/{namespace}/deployments"
    cluster.client.create(path, deployment(replicas=2))
    target = cluster.wait_for(
        lambda: (
            (found := target_of(cluster.client.get(f"{path}/checkout"), "Deployment"))
            and found.replicas_ready == 2
            and found
        ),
        namespace,
    )
    sets = cluster.client.list(f"/apis/apps/v1/namespaces/{namespace}/replicasets")
    replica_set = replica_set_of(sets[0])
    pods = [pod_of(item) for item in cluster.client.list(f"/api/v1/namespaces/{namespace}/pods")]

    assert not target.rolling_out
    assert target.containers["app"].cpu_limit_m == 200
    assert target.containers["proxy"].memory_request_bytes == 16 * 2**20
    assert replica_set.owner_uid == target.uid
    assert {pod.owner_uid for pod in pods} == {replica_set.uid}
    assert all(pod.ready and pod.active and target.selector.selects(pod.labels) for pod in pods)


def test_a_stateful_set_is_read(cluster: Cluster, namespace: str) -> None:
    path = f"/apis/apps/v1/namespaces/{namespace}/statefulsets"
    cluster.client.create(path, stateful_set(replicas=2))

    def ready() -> bool:
        target = target_of(cluster.client.get(f"{path}/ledger"), "StatefulSet")
        return target.replicas_ready == 2 and not target.rolling_out

    assert cluster.wait_for(ready, namespace)


def test_an_autoscaler_round_trips_through_the_crd(cluster: Cluster, namespace: str) -> None:
    created = create_mpa(cluster, namespace, mpa(mode="Auto"))
    recommend(cluster, created, replicas=3, cpu="250m", memory="100Mi")

    read = autoscaler_of(cluster.client.get(created.path))

    assert (read.replicas_min, read.replicas_max, read.update_mode) == (1, 6, "Auto")
    assert read.policy("app").maximum.cpu_m == 1000
    assert read.desired_replicas == 3
    assert read.recommendations[0].target.memory_bytes == 100 * 2**20
    assert read.conditions[0].reason == "IncumbentDecided"


def test_an_autoscaler_without_a_policy_is_off(cluster: Cluster, namespace: str) -> None:
    document = mpa()
    del document["spec"]["policy"]
    assert create_mpa(cluster, namespace, document).update_mode == "Off"


def test_the_crd_refuses_an_autoscaler_without_a_largest_number_of_replicas(
    cluster: Cluster, namespace: str
) -> None:
    document = mpa()
    del document["spec"]["constraints"]["global"]["maxReplicas"]
    with pytest.raises(RefusedError, match="maxReplicas") as refused:
        create_mpa(cluster, namespace, document)
    assert refused.value.status == 422


def test_stale_missing_and_forbidden_are_told_apart(cluster: Cluster, namespace: str) -> None:
    created = create_mpa(cluster, namespace, mpa())
    recommend(cluster, created, replicas=3)
    with pytest.raises(ConflictError):
        cluster.client.patch(
            created.path,
            {"metadata": {"resourceVersion": created.resource_version, "labels": {"a": "b"}}},
        )
    with pytest.raises(AbsentError):
        cluster.client.get(f"{created.path}-other")
    stranger = cluster.client_as(namespace, "default")
    with pytest.raises(RefusedError) as refused:
        stranger.get(created.path)
    assert refused.value.status == 403


def test_a_collection_longer_than_a_page_is_read_whole(cluster: Cluster, namespace: str) -> None:
    path = f"/api/v1/namespaces/{namespace}/configmaps"
    for number in range(5):
        cluster.client.create(path, {"metadata": {"name": f"page-{number}"}})
    names = [item["metadata"]["name"] for item in cluster.client.list(path, {"limit": "2"})]
    assert [f"page-{number}" for number in range(5)] == [
        name for name in sorted(names) if name.startswith("page-")
    ]


def test_discovery_finds_what_the_server_offers(cluster: Cluster) -> None:
    found = discover(cluster.client)
    assert found.hpa_path.startswith("/apis/autoscaling/v")
    assert cluster.client.list(found.budget_path) is not None
    if not cluster.has_kubelets:
        # The rig is Kubernetes 1.20 with pods/resize; our CRD is in the VPA's group, a VPA isn't.
        assert found.pods_resize
        assert found.hpa_path == "/apis/autoscaling/v1/horizontalpodautoscalers"
        assert (found.vpa_path, found.keda_path) == ("", "")
        assert found.budget_version == "policy/v1beta1"


def test_a_resize_that_changes_the_qos_class_is_refused(cluster: Cluster, namespace: str) -> None:
    cluster.client.create(
        f"/apis/apps/v1/namespaces/{namespace}/deployments", deployment(replicas=1)
    )
    pods = cluster.wait_for(
        lambda: cluster.client.list(f"/api/v1/namespaces/{namespace}/pods"), namespace
    )
    body = {
        "spec": {"containers": [{"name": "app", "resources": {"requests": {"cpu": "100m"}}}]},
    }
    with pytest.raises(RefusedError) as refused:
        cluster.client.patch(f"{pod_of(pods[0]).path}/resize", body, STRATEGIC_MERGE_PATCH)
    assert refused.value.status == 422


def test_of_many_racing_holders_one_gets_the_lease(cluster: Cluster, namespace: str) -> None:
    outcomes: dict[str, bool] = {}
    start = threading.Barrier(8)

    def race(identity: str) -> None:
        holder = LeaseHolder(connect(cluster.kubeconfig), namespace, "leader", identity)
        start.wait()
        outcomes[identity] = holder.hold()

    threads = [threading.Thread(target=race, args=(f"pod-{number}",)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes.values()) == [False] * 7 + [True]


def test_a_lease_passes_on_when_its_holder_is_silent_or_leaves(
    cluster: Cluster, namespace: str
) -> None:
    now_s = [0.0]
    first, second = (
        LeaseHolder(cluster.client, namespace, "leader", name, 15, lambda: now_s[0])
        for name in ("first", "second")
    )
    assert first.hold()
    assert not second.hold()
    now_s[0] = 14.0
    assert not second.hold()
    assert first.hold()
    now_s[0] = 28.0
    assert not second.hold(), "renewed at 14 s, which the second first sees now"
    now_s[0] = 43.0
    assert second.hold()
    assert not first.hold()
    second.release()
    assert first.hold()


def test_a_service_counts_as_alive_once_it_was_seen_to_renew(
    cluster: Cluster, namespace: str
) -> None:
    now_s = [0.0]
    watch = LeaseWatch(cluster.client, namespace, "recommender", lambda: now_s[0])
    holder = LeaseHolder(cluster.client, namespace, "recommender", "a", 15, lambda: now_s[0])
    assert not watch.alive()
    holder.hold()
    assert not watch.alive(), "it may have died right after"
    holder.hold()
    assert watch.alive()
    now_s[0] = 16.0
    assert not watch.alive()
