"""Each service account can do its job, and every other verb on every other resource is refused."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import yaml

from components.actuator.settings import ActuatorSettings
from components.actuator.tick import Actuator
from components.artifacts.bundle import publish
from components.artifacts.channel import SHADOW, move_channel
from components.artifacts.local import LocalStore
from components.kubernetes_api.autoscaler import autoscaler_of
from components.kubernetes_api.capabilities import discover
from components.kubernetes_api.client import Json, KubernetesClient
from components.kubernetes_api.conditions import condition
from components.kubernetes_api.leases import LeaseHolder, LeaseWatch
from components.recommender.exposition import Figures
from components.recommender.settings import RecommenderSettings
from components.recommender.tick import Recommender
from tests.cluster.api_server import REPOSITORY, Cluster
from tests.cluster.workloads import create_mpa, deployment, mpa, pods_of, recommend, start
from tests.components.recommender.recommending import LOAD, MemoryTelemetry, bundle

SYSTEM = "aware-system"
HOLDERS = ("aware-recommender", "aware-actuator")
ACCOUNTS = (*HOLDERS, "aware-trigger")

# The account that Kubeflow makes in a profile and runs pipelines as.
KUBEFLOWS_OWN = {"default-editor"}

STANDARD_VERBS = ("get", "list", "watch", "create", "update", "patch", "delete")
UNUSUAL_VERBS = ("deletecollection", "impersonate", "bind", "escalate", "approve", "sign", "use")
# Kinds that aren't on every server: the rules about them are checked all the same.
GUESTS = {
    ("autoscaling.k8s.io", "verticalpodautoscalers"),
    ("autoscaling.k8s.io", "verticalpodautoscalers/status"),
    ("keda.sh", "scaledobjects"),
    ("keda.sh", "scaledobjects/status"),
    ("", "pods/resize"),
    ("", "serviceaccounts/token"),
    ("", "pods/ephemeralcontainers"),
    ("", "nodes/proxy"),
}

# By hand, and from what the code calls, not from the manifests: (group, resource): verbs.
EVERYWHERE: dict[str, dict[tuple[str, str], str]] = {
    "aware-recommender": {
        ("autoscaling.k8s.io", "multidimpodautoscalers"): "get list",
        ("autoscaling.k8s.io", "multidimpodautoscalers/status"): "patch",
        ("autoscaling.k8s.io", "verticalpodautoscalers"): "list",
        ("autoscaling", "horizontalpodautoscalers"): "list",
        ("keda.sh", "scaledobjects"): "list",
        ("apps", "deployments"): "list",
        ("apps", "statefulsets"): "list",
        ("", "events"): "create",
    },
    "aware-actuator": {
        ("autoscaling.k8s.io", "multidimpodautoscalers"): "get list",
        ("autoscaling.k8s.io", "multidimpodautoscalers/status"): "patch",
        ("autoscaling.k8s.io", "verticalpodautoscalers"): "list",
        ("autoscaling", "horizontalpodautoscalers"): "list",
        ("keda.sh", "scaledobjects"): "list",
        ("policy", "poddisruptionbudgets"): "list",
        ("apps", "deployments"): "get list patch",
        ("apps", "statefulsets"): "get list patch",
        ("apps", "deployments/scale"): "patch",
        ("apps", "statefulsets/scale"): "patch",
        ("apps", "replicasets"): "list patch",
        ("", "limitranges"): "list",
        ("", "resourcequotas"): "list",
        ("", "nodes"): "list",
        ("", "pods"): "list",
        ("", "pods/resize"): "patch",
        ("", "pods/eviction"): "create",
        ("", "events"): "create",
    },
    # It asks Kubeflow, in whose namespace it is bound to Kubeflow's own role, and nobody else.
    "aware-trigger": {},
}
LEASES = ("coordination.k8s.io", "leases")
# In their own namespace beside that: (account, name of the Lease): verbs.
OWN_LEASES = {
    ("aware-recommender", "aware-recommender"): "create get update",
    ("aware-recommender", "aware-actuator"): "create",
    ("aware-actuator", "aware-actuator"): "create get update",
    ("aware-actuator", "aware-recommender"): "create get",
}
# What Kubernetes gives every account: asking what it may do itself.
OF_EVERYONE = {
    ("authorization.k8s.io", "selfsubjectaccessreviews", "create"),
    ("authorization.k8s.io", "selfsubjectrulesreviews", "create"),
    ("authentication.k8s.io", "selfsubjectreviews", "create"),
}


@dataclass(frozen=True, slots=True)
class Question:
    account: str
    namespace: str
    group: str
    resource: str
    verb: str
    name: str = ""


@pytest.fixture(scope="module")
def installed(cluster: Cluster) -> Iterator[Cluster]:
    """All accounts and rights of the manifests on the server, in the namespace they are for."""
    cluster.apply("/api/v1/namespaces", {"metadata": {"name": SYSTEM}})
    rbac = "/apis/rbac.authorization.k8s.io/v1"
    paths = {
        "ServiceAccount": f"/api/v1/namespaces/{SYSTEM}/serviceaccounts",
        "ClusterRole": f"{rbac}/clusterroles",
        "ClusterRoleBinding": f"{rbac}/clusterrolebindings",
        "Role": f"{rbac}/namespaces/{SYSTEM}/roles",
        "RoleBinding": f"{rbac}/namespaces/{SYSTEM}/rolebindings",
    }
    applied = []
    for document in documents("rbac", "trigger"):
        if document["kind"] in paths:
            cluster.apply(paths[document["kind"]], document)
            applied.append(f"{paths[document['kind']]}/{document['metadata']['name']}")
    yield cluster
    for path in [*reversed(applied), f"/api/v1/namespaces/{SYSTEM}"]:
        cluster.client.delete(path)


def documents(*folders: str) -> list[Json]:
    """The objects of these folders of the manifests; without any, of all but the overlays."""
    found = []
    for file in sorted((REPOSITORY / "manifests").rglob("*.yaml")):
        folder = file.relative_to(REPOSITORY / "manifests").parts[0]
        if folder in folders or not (folders or folder == "overlays"):
            found += [item for item in yaml.safe_load_all(file.read_text()) if item]
    return [item for item in found if "kind" in item and "metadata" in item]


def test_the_accounts_that_are_checked_are_all_that_the_manifests_have() -> None:
    made = {item["metadata"]["name"] for item in documents() if item["kind"] == "ServiceAccount"}
    bound = {
        subject["name"]
        for item in documents()
        if item["kind"] in ("RoleBinding", "ClusterRoleBinding")
        for subject in item["subjects"]
    }
    assert made == set(ACCOUNTS)
    assert made <= bound <= made | KUBEFLOWS_OWN


def all_resources(client: KubernetesClient) -> set[tuple[str, str]]:
    """Every resource and subresource that the server has, with its group."""
    found = {("", item["name"]) for item in client.get("/api/v1")["resources"]}
    for group in client.get("/apis")["groups"]:
        for version in group["versions"]:
            listed = client.get(f"/apis/{version['groupVersion']}")["resources"]
            found |= {(group["name"], item["name"]) for item in listed}
    return found | GUESTS


def may(client: KubernetesClient, question: Question) -> bool:
    resource, _, subresource = question.resource.partition("/")
    answer = client.create(
        "/apis/authorization.k8s.io/v1/subjectaccessreviews",
        {
            "spec": {
                "user": f"system:serviceaccount:{SYSTEM}:{question.account}",
                "groups": [
                    "system:serviceaccounts",
                    f"system:serviceaccounts:{SYSTEM}",
                    "system:authenticated",
                ],
                "resourceAttributes": {
                    key: value
                    for key, value in {
                        "namespace": question.namespace,
                        "group": question.group,
                        "resource": resource,
                        "subresource": subresource,
                        "verb": question.verb,
                        "name": question.name,
                    }.items()
                    if value
                },
            }
        },
    )
    return bool(answer["status"]["allowed"])


def expected(question: Question) -> bool:
    key = (question.group, question.resource)
    if (*key, question.verb) in OF_EVERYONE:
        return True
    if key == LEASES and question.namespace == SYSTEM:
        unnamed = "create" if question.account in HOLDERS else ""
        named = OWN_LEASES.get((question.account, question.name), unnamed)
        return question.verb in named.split()
    return question.verb in EVERYWHERE[question.account].get(key, "").split()


def wrong_answers(cluster: Cluster, questions: list[Question]) -> list[Question]:
    with ThreadPoolExecutor(4) as threads:
        answers = threads.map(lambda question: may(cluster.client, question), questions)
        pairs = list(zip(questions, answers, strict=True))
    return [question for question, answer in pairs if answer != expected(question)]


@pytest.mark.parametrize("account", ACCOUNTS)
def test_every_verb_on_every_resource_is_allowed_only_where_the_job_takes_it(
    installed: Cluster, namespace: str, account: str
) -> None:
    questions = [
        Question(account, namespace, group, resource, verb)
        for group, resource in sorted(all_resources(installed.client))
        for verb in STANDARD_VERBS
    ]
    assert len(questions) > 700
    assert wrong_answers(installed, questions) == []


@pytest.mark.parametrize("account", ACCOUNTS)
def test_no_account_can_gain_rights_or_delete_many(
    installed: Cluster, namespace: str, account: str
) -> None:
    resources = {
        *EVERYWHERE[account],
        ("", "users"),
        ("", "groups"),
        ("", "serviceaccounts"),
        ("", "secrets"),
        ("", "nodes"),
        ("rbac.authorization.k8s.io", "roles"),
        ("rbac.authorization.k8s.io", "clusterroles"),
        ("certificates.k8s.io", "signers"),
        ("policy", "podsecuritypolicies"),
    }
    questions = [
        Question(account, place, group, resource, verb)
        for place in (namespace, SYSTEM, "")
        for group, resource in sorted(resources)
        for verb in (*UNUSUAL_VERBS, "*")
    ]
    assert wrong_answers(installed, questions) == []


@pytest.mark.parametrize("account", ACCOUNTS)
def test_in_its_own_namespace_it_may_also_hold_its_lease_and_no_other(
    installed: Cluster, account: str
) -> None:
    leases = [
        Question(account, SYSTEM, *LEASES, verb, name)
        for verb in STANDARD_VERBS
        for name in (*ACCOUNTS, "someone-elses")
    ]
    others = [
        Question(account, SYSTEM, "", resource, verb)
        for resource in ("secrets", "configmaps", "serviceaccounts", "serviceaccounts/token")
        for verb in STANDARD_VERBS
    ]
    assert wrong_answers(installed, leases + others) == []


def test_the_trigger_has_kubeflows_own_role_in_kubeflows_namespace_and_nothing_beside(
    installed: Cluster, namespace: str
) -> None:
    rbac = "/apis/rbac.authorization.k8s.io/v1"
    kubeflow = {"metadata": {"name": "kubeflow-pipelines-edit"}}
    runs = {"apiGroups": ["pipelines.kubeflow.org"], "resources": ["runs"], "verbs": ["create"]}
    installed.apply(f"{rbac}/clusterroles", kubeflow | {"rules": [runs]})
    (binding,) = [
        item
        for item in documents("kubeflow")
        if item["kind"] == "RoleBinding" and item["roleRef"]["name"] == "kubeflow-pipelines-edit"
    ]
    installed.apply(f"{rbac}/namespaces/{namespace}/rolebindings", binding)

    def allowed(place: str) -> set[tuple[str, str, str]]:
        resources = {*all_resources(installed.client), ("pipelines.kubeflow.org", "runs")}
        asked = [
            Question("aware-trigger", place, group, resource, verb)
            for group, resource in sorted(resources)
            for verb in ("create", "list", "delete")
        ]
        with ThreadPoolExecutor(4) as threads:
            answers = list(threads.map(lambda question: may(installed.client, question), asked))
        pairs = zip(asked, answers, strict=True)
        yes = {(item.group, item.resource, item.verb) for item, answer in pairs if answer}
        return yes - OF_EVERYONE

    try:
        installed.wait_for(lambda: allowed(namespace))
        assert allowed(namespace) == {("pipelines.kubeflow.org", "runs", "create")}
        assert allowed(SYSTEM) == set()
    finally:
        installed.client.delete(f"{rbac}/clusterroles/kubeflow-pipelines-edit")


@pytest.mark.parametrize("account", ACCOUNTS)
def test_the_server_itself_lists_no_other_rule(installed: Cluster, account: str) -> None:
    client = installed.client_as(SYSTEM, account)
    answer: Json = client.create(
        "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews", {"spec": {"namespace": SYSTEM}}
    )
    allowed = {
        (group, resource, verb)
        for rule in answer["status"]["resourceRules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }
    wanted = {(*key, verb) for key, verbs in EVERYWHERE[account].items() for verb in verbs.split()}
    if account in HOLDERS:
        wanted |= {(*LEASES, verb) for verb in ("create", "get", "update")}
    assert allowed - OF_EVERYONE == wanted
    assert not answer["status"].get("incomplete")


def test_the_actuator_can_do_its_whole_job_with_its_account(
    installed: Cluster, namespace: str
) -> None:
    client = installed.client_as(SYSTEM, "aware-actuator")
    actuator = Actuator(client, discover(client), ActuatorSettings(pass_wait_s=0.2), lambda: True)
    start(installed, namespace, deployment(replicas=2))
    mine = create_mpa(installed, namespace, mpa())
    recommend(installed, mine, replicas=3, cpu="300m", memory="100Mi")
    installed.wait_for(lambda: actuator.tick()[mine.key].reason == "Applied", namespace)
    assert {
        pod.containers["app"].cpu_limit_m for pod in pods_of(installed, namespace).values()
    } == {300}
    recreated = deployment("other", replicas=2)
    start(installed, namespace, recreated)
    other = create_mpa(installed, namespace, mpa("other", mode="Recreate"))
    recommend(installed, other, replicas=2, cpu="300m")
    installed.wait_for(lambda: actuator.tick()[other.key].reason == "Applied", namespace)
    events = installed.client.list(f"/api/v1/namespaces/{namespace}/events")
    assert any(item["source"].get("component") == "aware-actuator" for item in events)
    victim = next(iter(pods_of(installed, namespace).values()))
    version = actuator.capabilities.budget_version
    client.create(
        f"{victim.path}/eviction",
        {"apiVersion": version, "kind": "Eviction", "metadata": {"name": victim.name}},
    )
    holder = LeaseHolder(client, SYSTEM, "aware-actuator", "pod-1")
    assert holder.hold()
    assert holder.hold()
    assert LeaseWatch(client, SYSTEM, "aware-recommender").alive() is False


def test_the_recommender_can_do_its_whole_job_with_its_account(
    installed: Cluster, namespace: str, tmp_path: Path
) -> None:
    client = installed.client_as(SYSTEM, "aware-recommender")
    start(installed, namespace, deployment(replicas=2))
    gate = {"aware.autoscaling/phase": "SHADOW", "aware.autoscaling/slo-latency-ms": "100"}
    mine = create_mpa(installed, namespace, mpa(mode="Off", annotations=gate))
    lonely = create_mpa(installed, namespace, mpa("lonely", mode="Off"))
    store = LocalStore(tmp_path)
    digest = publish(store, replace(bundle(), workload=mine.key))
    move_channel(store, namespace, "checkout", digest, SHADOW)
    load = LOAD | {"cpu_usage_m": 600.0}
    recommender = Recommender(
        client,
        discover(client),
        MemoryTelemetry({mine.key: load}),
        store,
        RecommenderSettings(),
        Figures(),
    )

    recommender.tick()
    recommender.telemetry = MemoryTelemetry({mine.key: LOAD})
    reading = recommender.reader.read(client, recommender.capabilities)
    # Another writer comes between: the object has to be read again to be written.
    installed.client.patch(mine.path, {"metadata": {"annotations": {"a-note": "of a person"}}})
    news = recommender.decide(reading, time.time())
    assert recommender.write(news, (), time.time()) == len(news)

    told = autoscaler_of(client.get(mine.path))
    assert told.desired_replicas is not None
    assert condition(told.conditions, "PolicyActing").reason == "SHADOW"
    refused = autoscaler_of(client.get(lonely.path))
    assert condition(refused.conditions, "RecommendationProvided").status == "False"
    events = installed.client.list(f"/api/v1/namespaces/{namespace}/events")
    assert {item["reason"] for item in events if item["source"]} >= {"NewPolicy"}
    assert LeaseHolder(client, SYSTEM, "aware-recommender", "pod-1").hold()
    assert LeaseHolder(client, SYSTEM, "aware-recommender", "pod-1").hold()
