"""Sizes and replicas change together, and no pod is replaced for it."""

from __future__ import annotations

from components.actuator.tick import Actuator
from components.kubernetes_api.autoscaler import autoscaler_of
from components.kubernetes_api.names import IN_STEP_LABEL
from components.kubernetes_api.resources import Resources
from tests.cluster.acting import LARGE, MI, SMALL, replica_sets, settle, told
from tests.cluster.api_server import Cluster
from tests.cluster.workloads import (
    create_mpa,
    deployment,
    mpa,
    pods_of,
    recommend,
    start,
)


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
