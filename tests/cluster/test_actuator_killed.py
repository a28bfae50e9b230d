"""The actuator killed and raced; what must hold after each."""

from __future__ import annotations

import threading

import pytest

from components.kubernetes_api.autoscaler import MultidimPodAutoscaler
from components.kubernetes_api.client import (
    connect,
)
from tests.cluster.acting import LARGE, settle
from tests.cluster.api_server import Cluster
from tests.cluster.faulty_client import FaultyClient, Killed, actuator_with, assert_at_rest
from tests.cluster.workloads import (
    create_mpa,
    deployment,
    mpa,
    pods_of,
    recommend,
    start,
)


def killed_within_the_template_step(
    cluster: Cluster, namespace: str
) -> tuple[str, MultidimPodAutoscaler]:
    path = start(cluster, namespace, deployment(replicas=2))
    mine = create_mpa(cluster, namespace, mpa())
    recommend(cluster, mine, replicas=2, cpu="300m", memory="100Mi")
    with pytest.raises(Killed):
        actuator_with(FaultyClient(cluster.client, dies_after=1)).tick()
    assert cluster.client.get(path)["spec"]["paused"] is True
    return path, mine


@pytest.mark.parametrize("then", ["deleted", "Off", "paused"])
def test_a_template_left_half_in_step_is_finished_whatever_became_of_its_autoscaler(
    cluster: Cluster, namespace: str, then: str
) -> None:
    path, mine = killed_within_the_template_step(cluster, namespace)
    before = pods_of(cluster, namespace)
    if then == "deleted":
        cluster.client.delete(mine.path)
    elif then == "Off":
        cluster.client.patch(mine.path, {"spec": {"policy": {"updateMode": "Off"}}})
    else:
        annotations = {"aware.autoscaling/pause": "true"}
        cluster.client.patch(mine.path, {"metadata": {"annotations": annotations}})

    actuator_with(FaultyClient(cluster.client)).tick()

    assert_at_rest(cluster, namespace, path)
    assert pods_of(cluster, namespace).keys() == before.keys()


def test_a_change_of_the_user_in_the_middle_of_a_template_step_is_rolled_out(
    cluster: Cluster, namespace: str
) -> None:
    path, mine = killed_within_the_template_step(cluster, namespace)
    before = pods_of(cluster, namespace)
    release = {"spec": {"template": {"metadata": {"annotations": {"release": "2"}}}}}
    cluster.client.patch(path, release)

    actuator = actuator_with(FaultyClient(cluster.client))
    actuator.tick()
    settle(actuator, cluster, mine)

    after = pods_of(cluster, namespace)
    assert not before.keys() & after.keys()
    assert {pod.containers["app"] for pod in after.values()} == {LARGE}
    assert_at_rest(cluster, namespace, path)


def test_two_actuators_at_once_end_where_one_would(cluster: Cluster, namespace: str) -> None:
    path = start(cluster, namespace, deployment(replicas=2))
    before = pods_of(cluster, namespace)
    mine = create_mpa(cluster, namespace, mpa())
    recommend(cluster, mine, replicas=4, cpu="300m", memory="100Mi")
    actuators = [actuator_with(FaultyClient(connect(cluster.kubeconfig))) for _ in range(2)]
    for _ in range(4):
        threads = [threading.Thread(target=actuator.tick) for actuator in actuators]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    settle(actuators[0], cluster, mine)

    after = pods_of(cluster, namespace)
    assert len(after) == 4
    assert before.keys() <= after.keys()
    assert {pod.containers["app"] for pod in after.values()} == {LARGE}
    assert_at_rest(cluster, namespace, path)
