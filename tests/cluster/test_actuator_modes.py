"""What each update mode does, and what the user can forbid."""

from __future__ import annotations

import pytest

from components.actuator.tick import Actuator
from tests.cluster.acting import LARGE, SMALL, settle, told
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
