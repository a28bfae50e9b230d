"""What happens where a pod can't be resized in place."""

from __future__ import annotations

import pytest

from components.actuator.tick import Actuator
from components.kubernetes_api.client import (
    Json,
)
from components.kubernetes_api.resources import Resources
from tests.cluster.acting import LARGE, MI, settle, told
from tests.cluster.api_server import Cluster
from tests.cluster.workloads import (
    create_mpa,
    deployment,
    mark_infeasible,
    mpa,
    pods_of,
    recommend,
    start,
)


def without_limits(document: Json) -> Json:
    for container in document["spec"]["template"]["spec"]["containers"]:
        del container["resources"]
    return document


def test_a_resize_that_would_change_the_qos_class_is_rolled_out_instead(
    cluster: Cluster, namespace: str, actuator: Actuator
) -> None:
    start(cluster, namespace, without_limits(deployment(replicas=2)))
    before = pods_of(cluster, namespace)
    mine = create_mpa(cluster, namespace, mpa())
    recommend(cluster, mine, replicas=2, cpu="300m", memory="100Mi")

    settle(actuator, cluster, mine)

    after = pods_of(cluster, namespace)
    assert not before.keys() & after.keys()
    assert {pod.containers["app"] for pod in after.values()} == {Resources(300, 100 * MI)}


def test_without_evictions_what_cannot_be_resized_stays_and_says_so(
    cluster: Cluster, namespace: str, actuator: Actuator
) -> None:
    start(cluster, namespace, without_limits(deployment(replicas=2)))
    before = pods_of(cluster, namespace)
    mine = create_mpa(cluster, namespace, mpa(annotations={"aware.autoscaling/evict": "never"}))
    recommend(cluster, mine, replicas=3, cpu="300m", memory="100Mi")

    settle(actuator, cluster, mine, "ResizeUnavailable")

    assert before.keys() <= pods_of(cluster, namespace).keys()
    assert "QoS class would change from BestEffort to Burstable" in told(cluster, mine).message
    assert len(pods_of(cluster, namespace)) == 3


def budget(least: int) -> Json:
    return {
        "metadata": {"name": "checkout"},
        "spec": {"minAvailable": least, "selector": {"matchLabels": {"app": "checkout"}}},
    }


@pytest.mark.parametrize(("least_available", "replaced"), [(1, True), (2, False)])
def test_a_pod_that_its_node_cannot_resize_is_replaced_as_far_as_its_budget_allows(
    cluster: Cluster,
    namespace: str,
    actuator: Actuator,
    least_available: int,
    replaced: bool,
) -> None:
    if cluster.has_kubelets:
        pytest.skip("a real node decides by itself what is feasible")
    start(cluster, namespace, deployment(replicas=2))
    budgets = f"{actuator.capabilities.budget_version}/namespaces/{namespace}/poddisruptionbudgets"
    cluster.client.create(f"/apis/{budgets}", budget(least_available))
    cluster.wait_for(
        lambda: (
            cluster.client.get(f"/apis/{budgets}/checkout").get("status", {}).get("currentHealthy")
            == 2
        )
    )
    mine = create_mpa(cluster, namespace, mpa())
    recommend(cluster, mine, replicas=2, cpu="300m", memory="100Mi")
    settle(actuator, cluster, mine)
    stuck = next(iter(pods_of(cluster, namespace).values()))
    mark_infeasible(cluster, stuck.path)

    if replaced:
        actuator.tick()
        settle(actuator, cluster, mine)
        pods = pods_of(cluster, namespace)
        assert stuck.name not in pods
        assert [pod.containers["app"] for pod in pods.values()] == [LARGE] * 2
    else:
        plan = settle(actuator, cluster, mine, "ResizeStuck")
        assert "PodDisruptionBudget" in plan.message
        assert stuck.name in pods_of(cluster, namespace)


def test_a_rolling_update_that_a_budget_forbids_waits(
    cluster: Cluster, namespace: str, actuator: Actuator
) -> None:
    document = deployment(replicas=2)
    document["spec"]["strategy"] = {
        "type": "RollingUpdate",
        "rollingUpdate": {"maxUnavailable": 1, "maxSurge": 0},
    }
    start(cluster, namespace, document)
    budgets = f"{actuator.capabilities.budget_version}/namespaces/{namespace}/poddisruptionbudgets"
    cluster.client.create(f"/apis/{budgets}", budget(2))
    before = pods_of(cluster, namespace)
    mine = create_mpa(cluster, namespace, mpa(mode="Recreate"))
    recommend(cluster, mine, replicas=2, cpu="300m", memory="100Mi")
    settle(actuator, cluster, mine, "DisruptionBudget")
    assert pods_of(cluster, namespace).keys() == before.keys()
