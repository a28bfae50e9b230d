"""The actuator killed, raced and lied to; what must hold after each."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace

import pytest

from components.actuator.settings import ActuatorSettings
from components.actuator.tick import Actuator
from components.errors import TemporaryError
from components.kubernetes_api.autoscaler import MultidimPodAutoscaler, autoscaler_of
from components.kubernetes_api.capabilities import discover
from components.kubernetes_api.client import Body, Json, KubernetesClient, connect
from components.kubernetes_api.conditions import condition
from components.kubernetes_api.errors import BusyError, ConflictError, RefusedError
from components.kubernetes_api.names import IN_STEP_LABEL
from components.kubernetes_api.resources import Resources
from tests.cluster.api_server import Cluster
from tests.cluster.workloads import create_mpa, deployment, mpa, pods_of, recommend, start

MI = 2**20
SETTINGS = ActuatorSettings(pass_wait_s=0.2)
LARGE = Resources(300, 100 * MI, 300, 100 * MI)
SMALL = Resources(200, 64 * MI, 200, 64 * MI)


class Killed(BaseException):
    """The process is gone: nothing in it may catch this."""


@dataclass
class FaultyClient:
    """A real client whose writes are counted and fail in a stated way.

    `dies_after`: the process is killed when so many writes have reached the server.
    `errors`: what the next writes to a path that contains the key end in, without being sent.
    """

    real: KubernetesClient
    dies_after: int | None = None
    errors: dict[str, list[Exception]] = field(default_factory=dict)
    reading_errors: dict[str, list[Exception]] = field(default_factory=dict)
    writes: list[str] = field(default_factory=list)

    def get(self, path: str, query: Mapping[str, str] | None = None) -> Json:
        self._fail(path, self.reading_errors)
        return self.real.get(path, query)

    def list(self, path: str, query: Mapping[str, str] | None = None) -> list[Json]:
        self._fail(path, self.reading_errors)
        return self.real.list(path, query)

    def patch(
        self, path: str, body: Body, content_type: str = "application/merge-patch+json"
    ) -> Json:
        self._fail(path, self.errors)
        answer = self.real.patch(path, body, content_type)
        self._written(path)
        return answer

    def create(self, path: str, body: Json, retry_busy: bool = True) -> Json:
        self._fail(path, self.errors)
        answer = self.real.create(path, body, retry_busy)
        self._written(path)
        return answer

    def _written(self, path: str) -> None:
        self.writes.append(path)
        if self.dies_after is not None and len(self.writes) >= self.dies_after:
            raise Killed

    def _fail(self, path: str, errors: dict[str, list[Exception]]) -> None:
        for part, planned in errors.items():
            if part in path and planned:
                raise planned.pop(0)


def actuator_with(client: FaultyClient) -> Actuator:
    real = client.real
    return Actuator(client, discover(real), SETTINGS, lambda: True)  # type: ignore[arg-type]


def settled(cluster: Cluster, mine: MultidimPodAutoscaler, actuator: Actuator) -> bool:
    cluster.wait_for(lambda: actuator.tick()[mine.key].reason == "Applied", mine.namespace)
    return True


def assert_at_rest(cluster: Cluster, namespace: str, path: str) -> None:
    document = cluster.client.get(path)
    assert "paused" not in document["spec"]
    assert IN_STEP_LABEL not in document["metadata"].get("labels", {})
    sets = cluster.client.list(f"/apis/apps/v1/namespaces/{namespace}/replicasets")
    assert [item["spec"]["replicas"] for item in sets if item["spec"]["replicas"]] == [
        document["spec"]["replicas"]
    ]


@pytest.fixture(scope="module")
def number_of_writes(cluster: Cluster) -> int:
    """How many writes the change of the next test takes when nothing goes wrong."""
    namespace = cluster.new_namespace()
    start(cluster, namespace, deployment(replicas=2))
    mine = create_mpa(cluster, namespace, mpa())
    recommend(cluster, mine, replicas=3, cpu="300m", memory="100Mi")
    client = FaultyClient(cluster.client)
    settled(cluster, mine, actuator_with(client))
    return len(client.writes)


def test_killed_after_any_write_the_next_actuator_ends_where_the_first_would_have(
    cluster: Cluster, number_of_writes: int
) -> None:
    assert number_of_writes >= 6  # pause, align, resume, scale, two resizes, conditions, events
    for dies_after in range(1, number_of_writes + 1):
        namespace = cluster.new_namespace()
        path = start(cluster, namespace, deployment(replicas=2))
        before = pods_of(cluster, namespace)
        mine = create_mpa(cluster, namespace, mpa())
        recommend(cluster, mine, replicas=3, cpu="300m", memory="100Mi")
        dying = FaultyClient(cluster.client, dies_after=dies_after)
        with suppress(Killed):
            settled(cluster, mine, actuator_with(dying))

        settled(cluster, mine, actuator_with(FaultyClient(cluster.client)))

        after = pods_of(cluster, namespace)
        assert len(after) == 3, f"killed after {dying.writes}"
        assert {pod.containers["app"] for pod in after.values()} == {LARGE}
        assert before.keys() <= after.keys(), f"a pod was replaced: killed after {dying.writes}"
        assert_at_rest(cluster, namespace, path)
        cluster.remove_namespaces()


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
    settled(cluster, mine, actuator)

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

    settled(cluster, mine, actuators[0])

    after = pods_of(cluster, namespace)
    assert len(after) == 4
    assert before.keys() <= after.keys()
    assert {pod.containers["app"] for pod in after.values()} == {LARGE}
    assert_at_rest(cluster, namespace, path)


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

    settled(cluster, mine, actuator_with(client))

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
    settled(cluster, fine, actuator)
    now_s[0] += 301.0
    actuator.tick()
    assert len(denied) == 5, "then one attempt is made"
    denied.clear()
    now_s[0] += 601.0
    settled(cluster, mine, actuator)


def test_a_resize_that_the_server_refuses_is_rolled_out_instead_and_not_asked_for_again(
    cluster: Cluster, namespace: str
) -> None:
    start(cluster, namespace, deployment(replicas=2))
    before = pods_of(cluster, namespace)
    mine = create_mpa(cluster, namespace, mpa())
    recommend(cluster, mine, replicas=2, cpu="300m", memory="100Mi")
    refusals = [RefusedError("422 memory limits cannot be decreased", 422) for _ in range(20)]
    client = FaultyClient(cluster.client, errors={"/resize": refusals})

    settled(cluster, mine, actuator_with(client))

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

    settled(cluster, mine, actuator)

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
    settled(cluster, mine, actuator)
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
            settled(cluster, mine, actuator)
    finally:
        cluster.client.delete(f"{crds}/{plural}.{group}")
        cluster.wait_for(lambda: not cluster.exists(collection))


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

    cluster.wait_for(lambda: actuator.tick()[mine.key].reason == "ReplicasNotCreated", namespace)

    told = condition(autoscaler_of(cluster.client.get(mine.path)).conditions, "AbleToScale")
    assert told is not None
    assert "exceeded quota: small" in told.message
    assert {pod.containers["app"] for pod in pods_of(cluster, namespace).values()} == {SMALL}
    cluster.client.delete(f"{quotas}/small")
    settled(cluster, mine, actuator)
