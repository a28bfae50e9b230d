from __future__ import annotations

import pytest

from components.actuator.plan import Plan
from components.actuator.settings import ActuatorSettings
from components.actuator.tick import Actuator
from components.kubernetes_api.autoscaler import MultidimPodAutoscaler, autoscaler_of
from components.kubernetes_api.capabilities import discover
from components.kubernetes_api.client import Json
from components.kubernetes_api.conditions import Condition, condition
from components.kubernetes_api.names import IN_STEP_LABEL
from components.kubernetes_api.resources import Resources
from tests.cluster.api_server import Cluster
from tests.cluster.workloads import (
    create_mpa,
    deployment,
    mpa,
    pods_of,
    recommend,
    start,
    stateful_set,
)

MI = 2**20
SMALL = Resources(200, 64 * MI, 200, 64 * MI)
LARGE = Resources(300, 100 * MI, 300, 100 * MI)


@pytest.fixture
def actuator(cluster: Cluster) -> Actuator:
    return Actuator(
        cluster.client,
        discover(cluster.client),
        ActuatorSettings(pass_wait_s=0.2),
        recommender_alive=lambda: True,
    )


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


def test_replicas_cpu_and_memory_grow_together_without_replacing_a_pod(
    cluster: Cluster, namespace: str, actuator: Actuator
) -> None:
    path = start(cluster, namespace, deployment(replicas=2))
    before = pods_of(cluster, namespace)
    mine = create_mpa(cluster, namespace, mpa())
    recommend(cluster, mine, replicas=4, cpu="300m", memory="100Mi")

    settle(actuator, cluster, mine)

    after = pods_of(cluster, namespace)
    assert len(after) == 4
    assert {pod.containers["app"] for pod in after.values()} == {LARGE}
    assert {name: pod.uid for name, pod in before.items()}.items() <= {
        name: pod.uid for name, pod in after.items()
    }.items()
    document = cluster.client.get(path)
    assert "paused" not in document["spec"]
    assert IN_STEP_LABEL not in document["metadata"].get("labels", {})
    assert document["spec"]["template"]["spec"]["containers"][0]["resources"]["limits"] == {
        "cpu": "300m",
        "memory": "100Mi",
    }
    assert [item["spec"]["replicas"] for item in replica_sets(cluster, namespace)] == [4]
    assert told(cluster, mine).status == "True"
    assert autoscaler_of(cluster.client.get(mine.path)).desired_replicas == 4


def test_a_pod_that_is_made_later_is_born_with_the_size(
    cluster: Cluster, namespace: str, actuator: Actuator
) -> None:
    start(cluster, namespace, deployment(replicas=2))
    mine = create_mpa(cluster, namespace, mpa())
    recommend(cluster, mine, replicas=2, cpu="300m", memory="100Mi")
    settle(actuator, cluster, mine)
    victim = next(iter(pods_of(cluster, namespace).values()))

    cluster.client.delete(victim.path)
    pods = cluster.wait_for(
        lambda: (
            (found := pods_of(cluster, namespace))
            and victim.name not in found
            and len(found) == 2
            and found
        ),
        namespace,
    )

    assert {pod.containers["app"] for pod in pods.values()} == {LARGE}
    assert settle(actuator, cluster, mine).actions == ()


def test_going_back_to_an_earlier_size_does_not_roll_back_to_an_earlier_revision(
    cluster: Cluster, namespace: str, actuator: Actuator
) -> None:
    path = start(cluster, namespace, deployment(replicas=2))
    first = replica_sets(cluster, namespace)[0]["metadata"]["name"]
    image = {"spec": {"template": {"metadata": {"annotations": {"release": "2"}}}}}
    cluster.client.patch(path, image)
    mine = create_mpa(cluster, namespace, mpa())
    recommend(cluster, mine, replicas=2, cpu="300m", memory="100Mi")
    settle(actuator, cluster, mine)
    # The first revision's template again, but for the size: an old ReplicaSet has the old size.
    cluster.client.patch(
        path, {"spec": {"template": {"metadata": {"annotations": {"release": None}}}}}
    )
    settle(actuator, cluster, mine)
    before = pods_of(cluster, namespace)

    recommend(cluster, mine, replicas=2, cpu="200m", memory="64Mi")
    settle(actuator, cluster, mine)

    after = pods_of(cluster, namespace)
    assert {pod.uid for pod in after.values()} == {pod.uid for pod in before.values()}
    assert {pod.containers["app"] for pod in after.values()} == {SMALL}
    sizes = {
        item["metadata"]["name"]: item["spec"]["replicas"]
        for item in replica_sets(cluster, namespace)
    }
    assert sizes[first] == 0


def test_a_users_rollout_goes_on_with_the_size_that_was_applied(
    cluster: Cluster, namespace: str, actuator: Actuator
) -> None:
    path = start(cluster, namespace, deployment(replicas=2))
    mine = create_mpa(cluster, namespace, mpa())
    recommend(cluster, mine, replicas=2, cpu="300m", memory="100Mi")
    settle(actuator, cluster, mine)
    before = pods_of(cluster, namespace)

    cluster.client.patch(
        path, {"spec": {"template": {"metadata": {"annotations": {"release": "2"}}}}}
    )
    held = cluster.wait_for(
        lambda: (plan := actuator.tick()[mine.key]).reason == "RolloutInProgress" and plan
    )
    assert held.actions == ()
    settle(actuator, cluster, mine)

    after = pods_of(cluster, namespace)
    assert not before.keys() & after.keys()
    assert {pod.containers["app"] for pod in after.values()} == {LARGE}


def test_sizes_shrink_pod_by_pod_and_only_when_all_replicas_are_ready(
    cluster: Cluster, namespace: str, actuator: Actuator
) -> None:
    start(cluster, namespace, deployment(replicas=2))
    mine = create_mpa(cluster, namespace, mpa())
    recommend(cluster, mine, replicas=4, cpu="100m", memory="40Mi")

    plan = actuator.tick()[mine.key]

    assert plan.waiting
    assert "no size shrinks before 4 replicas are ready" in plan.message
    assert {pod.containers["app"] for pod in pods_of(cluster, namespace).values()} == {SMALL}
    settle(actuator, cluster, mine)
    small = Resources(100, 40 * MI, 100, 40 * MI)
    assert [pod.containers["app"] for pod in pods_of(cluster, namespace).values()] == [small] * 4


def test_nothing_shrinks_while_the_recommender_is_silent(
    cluster: Cluster, namespace: str, actuator: Actuator
) -> None:
    start(cluster, namespace, deployment(replicas=3))
    mine = create_mpa(cluster, namespace, mpa())
    recommend(cluster, mine, replicas=1, cpu="300m", memory="40Mi")
    actuator.recommender_alive = lambda: False

    cluster.wait_for(
        lambda: (
            {pod.containers["app"] for pod in pods_of(cluster, namespace).values()}
            == {Resources(300, 64 * MI, 300, 64 * MI)}
            or actuator.tick() is None
        ),
        namespace,
    )

    assert len(pods_of(cluster, namespace)) == 3
    actuator.recommender_alive = lambda: True
    settle(actuator, cluster, mine)
    assert [pod.containers["app"] for pod in pods_of(cluster, namespace).values()] == [
        Resources(300, 40 * MI, 300, 40 * MI)
    ]


def test_off_does_nothing_at_all(cluster: Cluster, namespace: str, actuator: Actuator) -> None:
    path = start(cluster, namespace, deployment(replicas=2))
    mine = create_mpa(cluster, namespace, mpa(mode="Off"))
    recommend(cluster, mine, replicas=4, cpu="300m", memory="100Mi")
    workload, status = cluster.client.get(path), cluster.client.get(mine.path)

    assert mine.key not in actuator.tick()

    assert (
        cluster.client.get(path)["metadata"]["resourceVersion"]
        == (workload["metadata"]["resourceVersion"])
    )
    assert cluster.client.get(mine.path) == status


@pytest.mark.parametrize(
    ("annotations", "reason", "by"),
    [
        ({"aware.autoscaling/pause": "true"}, "Paused", "IncumbentDecided"),
        ({"aware.autoscaling/phase": "INCUMBENT"}, "PhaseForbids", "PolicyDecided"),
    ],
)
def test_what_the_user_or_the_phase_forbids_is_not_done(
    cluster: Cluster,
    namespace: str,
    actuator: Actuator,
    annotations: dict[str, str],
    reason: str,
    by: str,
) -> None:
    start(cluster, namespace, deployment(replicas=2))
    mine = create_mpa(cluster, namespace, mpa(annotations=annotations))
    recommend(cluster, mine, replicas=4, cpu="300m", reason=by)

    settle(actuator, cluster, mine, reason)

    assert {pod.containers["app"] for pod in pods_of(cluster, namespace).values()} == {SMALL}
    assert len(pods_of(cluster, namespace)) == 2
    assert told(cluster, mine).reason == reason


def test_a_rollout_that_the_user_paused_stays_as_it_is(
    cluster: Cluster, namespace: str, actuator: Actuator
) -> None:
    path = start(cluster, namespace, deployment(replicas=2))
    cluster.client.patch(path, {"spec": {"paused": True}})
    mine = create_mpa(cluster, namespace, mpa())
    recommend(cluster, mine, replicas=4)
    settle(actuator, cluster, mine, "RolloutsPaused")
    assert cluster.client.get(path)["spec"]["paused"] is True
    assert cluster.client.get(path)["spec"]["replicas"] == 2


def test_a_stateful_set_is_resized_in_place_and_never_restarted(
    cluster: Cluster, namespace: str, actuator: Actuator
) -> None:
    path = start(cluster, namespace, stateful_set(replicas=2))
    before = pods_of(cluster, namespace)
    mine = create_mpa(cluster, namespace, mpa("ledger", kind="StatefulSet"))
    recommend(cluster, mine, replicas=3, cpu="300m", memory="100Mi")

    settle(actuator, cluster, mine)

    after = pods_of(cluster, namespace)
    assert [pod.containers["app"] for pod in after.values()] == [LARGE] * 3
    assert all(after[name].uid == pod.uid for name, pod in before.items())
    template = cluster.client.get(path)["spec"]["template"]["spec"]["containers"][0]
    assert template["resources"]["limits"]["cpu"] == "200m"


def test_initial_sizes_new_pods_only(cluster: Cluster, namespace: str, actuator: Actuator) -> None:
    start(cluster, namespace, deployment(replicas=1))
    old = next(iter(pods_of(cluster, namespace)))
    mine = create_mpa(cluster, namespace, mpa(mode="Initial"))
    recommend(cluster, mine, replicas=2, cpu="300m", memory="100Mi")

    settle(actuator, cluster, mine)

    pods = pods_of(cluster, namespace)
    assert pods.pop(old).containers["app"] == SMALL
    assert [pod.containers["app"] for pod in pods.values()] == [LARGE]


def test_recreate_rolls_the_pods_out(cluster: Cluster, namespace: str, actuator: Actuator) -> None:
    start(cluster, namespace, deployment(replicas=2))
    before = pods_of(cluster, namespace)
    mine = create_mpa(cluster, namespace, mpa(mode="Recreate"))
    recommend(cluster, mine, replicas=2, cpu="300m", memory="100Mi")

    settle(actuator, cluster, mine)

    after = pods_of(cluster, namespace)
    assert not before.keys() & after.keys()
    assert [pod.containers["app"] for pod in after.values()] == [LARGE] * 2


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


def mark_infeasible(cluster: Cluster, path: str) -> None:
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
