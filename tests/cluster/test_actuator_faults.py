"""An API server that fails, refuses or lacks something; what must hold after each."""

from __future__ import annotations

from dataclasses import replace

import pytest

from components.errors import TemporaryError
from components.kubernetes_api.autoscaler import autoscaler_of
from components.kubernetes_api.conditions import condition
from components.kubernetes_api.errors import BusyError, ConflictError, RefusedError
from tests.cluster.acting import LARGE, SMALL, settle
from tests.cluster.api_server import Cluster
from tests.cluster.faulty_client import FaultyClient, actuator_with, assert_at_rest
from tests.cluster.workloads import (
    create_mpa,
    deployment,
    mpa,
    pods_of,
    recommend,
    start,
)


def conflict() -> Exception:
    return ConflictError("409 the object has been modified")


@pytest.mark.parametrize(
    ("part", "error"),
    [
        ("/deployments/checkout", conflict()),
        ("/replicasets/", conflict()),
        ("/scale", conflict()),
        ("/resize", conflict()),
        ("/status", conflict()),
        ("/deployments/checkout", TemporaryError("no answer")),
        ("/replicasets/", TemporaryError("500")),
        ("/scale", BusyError("429")),
        ("/resize", TemporaryError("503")),
        ("/events", TemporaryError("504")),
        ("/status", RefusedError("403 forbidden", 403)),
        ("/replicasets/", RefusedError("403 a webhook denies it", 403)),
    ],
)
def test_a_write_that_fails_once_is_made_good(
    cluster: Cluster, namespace: str, part: str, error: Exception
) -> None:
    path = start(cluster, namespace, deployment(replicas=2))
    before = pods_of(cluster, namespace)
    mine = create_mpa(cluster, namespace, mpa())
    recommend(cluster, mine, replicas=3, cpu="300m", memory="100Mi")
    client = FaultyClient(cluster.client, errors={part: [error]})

    settle(actuator_with(client), cluster, mine)

    assert client.errors == {part: []}
    after = pods_of(cluster, namespace)
    assert before.keys() <= after.keys()
    assert {pod.containers["app"] for pod in after.values()} == {LARGE}
    assert_at_rest(cluster, namespace, path)


def test_what_fails_every_time_opens_the_circuit_and_nothing_else_suffers(
    cluster: Cluster, namespace: str
) -> None:
    start(cluster, namespace, deployment(replicas=2))
    start(cluster, namespace, deployment("fine", replicas=2))
    mine = create_mpa(cluster, namespace, mpa())
    fine = create_mpa(cluster, namespace, mpa("fine"))
    recommend(cluster, mine, replicas=3)
    recommend(cluster, fine, replicas=3)
    denied = [RefusedError("PATCH scale: 403 a webhook denies it", 403) for _ in range(9)]
    client = FaultyClient(cluster.client, errors={"/checkout/scale": denied})
    actuator = actuator_with(client)
    now_s = [1000.0]
    actuator.clock = lambda: now_s[0]

    reasons = [actuator.tick()[mine.key].reason for _ in range(5)]

    assert reasons == ["ActionFailed", "ActionFailed", "CircuitOpen", "CircuitOpen", "CircuitOpen"]
    assert len(denied) == 6, "while open nothing is tried"
    told = condition(autoscaler_of(cluster.client.get(mine.path)).conditions, "AbleToScale")
    assert told is not None
    assert (told.status, told.reason) == ("False", "CircuitOpen")
    settle(actuator, cluster, fine)
    now_s[0] += 301.0
    actuator.tick()
    assert len(denied) == 5, "then one attempt is made"
    denied.clear()
    now_s[0] += 601.0
    settle(actuator, cluster, mine)


def test_a_resize_that_the_server_refuses_is_rolled_out_instead_and_not_asked_for_again(
    cluster: Cluster, namespace: str
) -> None:
    start(cluster, namespace, deployment(replicas=2))
    before = pods_of(cluster, namespace)
    mine = create_mpa(cluster, namespace, mpa())
    recommend(cluster, mine, replicas=2, cpu="300m", memory="100Mi")
    refusals = [RefusedError("422 memory limits cannot be decreased", 422) for _ in range(20)]
    client = FaultyClient(cluster.client, errors={"/resize": refusals})

    settle(actuator_with(client), cluster, mine)

    after = pods_of(cluster, namespace)
    assert not before.keys() & after.keys()
    assert {pod.containers["app"] for pod in after.values()} == {LARGE}
    assert len(refusals) == 18, "once for each pod"


def test_a_server_without_pods_resize_gets_a_rolling_update(
    cluster: Cluster, namespace: str
) -> None:
    start(cluster, namespace, deployment(replicas=2))
    mine = create_mpa(cluster, namespace, mpa())
    recommend(cluster, mine, replicas=3, cpu="300m", memory="100Mi")
    client = FaultyClient(cluster.client)
    actuator = actuator_with(client)
    actuator.capabilities = replace(actuator.capabilities, pods_resize=False)

    settle(actuator, cluster, mine)

    assert not [path for path in client.writes if path.endswith("/resize")]
    pods = pods_of(cluster, namespace)
    assert [pod.containers["app"] for pod in pods.values()] == [LARGE] * 3


@pytest.mark.parametrize(
    "part", ["multidimpodautoscalers", "horizontalpodautoscalers", "poddisruptionbudgets", "/pods"]
)
def test_what_cannot_be_read_is_not_acted_on(cluster: Cluster, namespace: str, part: str) -> None:
    start(cluster, namespace, deployment(replicas=2))
    mine = create_mpa(cluster, namespace, mpa())
    recommend(cluster, mine, replicas=1, cpu="100m", memory="40Mi")
    client = FaultyClient(
        cluster.client, reading_errors={part: [TemporaryError("500") for _ in range(100)]}
    )
    actuator = actuator_with(client)

    with pytest.raises(TemporaryError):
        actuator.tick()

    assert client.writes == []
    assert {pod.containers["app"] for pod in pods_of(cluster, namespace).values()} == {SMALL}
    client.reading_errors.clear()
    settle(actuator, cluster, mine)
    assert len(pods_of(cluster, namespace)) == 1


def test_a_lease_that_cannot_be_read_lets_nothing_shrink(cluster: Cluster, namespace: str) -> None:
    start(cluster, namespace, deployment(replicas=2))
    mine = create_mpa(cluster, namespace, mpa())
    recommend(cluster, mine, replicas=1, cpu="100m", memory="40Mi")

    def unreadable() -> bool:
        raise TemporaryError("500")

    actuator = actuator_with(FaultyClient(cluster.client))
    actuator.recommender_alive = unreadable
    plan = actuator.tick()[mine.key]
    assert "nothing shrinks while no recommender renews its Lease" in plan.message
    assert len(pods_of(cluster, namespace)) == 2


def test_a_quota_that_stops_new_replicas_is_told_and_nothing_shrinks_meanwhile(
    cluster: Cluster, namespace: str
) -> None:
    start(cluster, namespace, deployment(replicas=2))
    quota = {"metadata": {"name": "small"}, "spec": {"hard": {"pods": "2"}}}
    quotas = f"/api/v1/namespaces/{namespace}/resourcequotas"
    cluster.client.create(quotas, quota)
    cluster.wait_for(
        lambda: (
            cluster.client.get(f"{quotas}/small").get("status", {}).get("used", {}).get("pods")
            == "2"
        )
    )
    mine = create_mpa(cluster, namespace, mpa())
    recommend(cluster, mine, replicas=4, cpu="100m", memory="40Mi")
    actuator = actuator_with(FaultyClient(cluster.client))

    for _ in range(3):
        assert actuator.tick()[mine.key].reason == "ResourceQuota"

    told = condition(autoscaler_of(cluster.client.get(mine.path)).conditions, "AbleToScale")
    assert told is not None
    assert f"ResourceQuota {namespace}/small has room for 2 replicas, 4 were wished" in told.message
    assert "nothing shrinks while a ceiling bounds the wish" in told.message
    assert {pod.containers["app"] for pod in pods_of(cluster, namespace).values()} == {SMALL}
    cluster.client.delete(f"{quotas}/small")
    settle(actuator, cluster, mine)
