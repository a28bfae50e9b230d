"""The Deployment of the service and its MultidimPodAutoscaler, as they are put on the server."""

from __future__ import annotations

from dataclasses import replace

from components.artifacts.channel import LIVE as LIVE_CHANNEL
from components.artifacts.channel import Channel, move_channel
from components.artifacts.local import LocalStore
from components.cluster import limits as lim
from components.cluster.compiled import FloatArray
from components.kubernetes_api.client import Json
from components.kubernetes_api.names import GROUP, PLURAL, VERSION
from components.recommender.phase_state import LIVE, PhaseState
from components.recommender.phase_store import PhaseRecord, load_record, save_record
from components.rollout.manifest import mpa_manifest
from components.workload.quantities import format_cpu, format_memory
from components.workload.spec import Workload
from tests.cluster.api_server import Cluster
from tests.cluster.closed_loop.arms import HPA_VPA, OURS, Contest

_IMAGE = "localhost/synthetic-app"


def deployment(workload: Workload, allocation: FloatArray) -> Json:
    """Pods whose limits are their requests, of an allocation [3]."""
    size = {
        "cpu": format_cpu(int(allocation[lim.CPU_M])),
        "memory": format_memory(int(allocation[lim.MEMORY_BYTES])),
    }
    container = {
        "name": workload.container,
        "image": _IMAGE,
        "resources": {"requests": size, "limits": size},
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": workload.name},
        "spec": {
            "replicas": int(allocation[lim.REPLICAS]),
            "selector": {"matchLabels": {"app": workload.name}},
            "template": {
                "metadata": {"labels": {"app": workload.name}},
                "spec": {"terminationGracePeriodSeconds": 1, "containers": [container]},
            },
        },
    }


def autoscaler(contest: Contest, arm: str) -> Json:
    """The object of an arm, turned on."""
    channel = replace(contest.channel, state=LIVE_CHANNEL) if arm == OURS else Channel()
    settings = contest.incumbents[HPA_VPA].settings()
    document = mpa_manifest(contest.workload, channel, settings, settings["cpu_target"])
    document["spec"]["policy"]["updateMode"] = "Auto"
    return document


def all_of(contest: Contest, arm: str) -> dict[str, Json]:
    """Both objects of an arm by their paths, with the namespace that a server would add."""
    name, namespace = contest.workload.name, contest.workload.namespace
    found = {
        f"{_deployments(contest.workload)}/{name}": deployment(
            contest.workload, contest.allocation(arm)
        ),
        f"/apis/{GROUP}/{VERSION}/namespaces/{namespace}/{PLURAL}/{name}": autoscaler(contest, arm),
    }
    for document in found.values():
        document["metadata"]["namespace"] = namespace
    return found


def let_live(contest: Contest) -> None:
    """Puts the policy where hours of shadow and canary would have brought it."""
    store, workload = LocalStore(contest.store), contest.workload
    digest = contest.channel.current
    assert digest is not None
    state = PhaseState(
        phase=LIVE, reason="ByBenchmark", message="let live by a benchmark", digest=digest
    )
    record = load_record(store, workload.namespace, workload.name)
    save_record(store, workload.namespace, workload.name, PhaseRecord(state=state, tag=record.tag))
    move_channel(store, workload.namespace, workload.name, digest, LIVE_CHANNEL)


def put(cluster: Cluster, contest: Contest, arm: str) -> None:
    """The namespace and the Deployment of an arm; what an earlier arm left is removed first."""
    workload = contest.workload
    if not cluster.exists(f"/api/v1/namespaces/{workload.namespace}"):
        cluster.client.create("/api/v1/namespaces", {"metadata": {"name": workload.namespace}})
        account = f"/api/v1/namespaces/{workload.namespace}/serviceaccounts/default"
        cluster.wait_for(lambda: cluster.exists(account))
    cluster.client.create(_deployments(workload), deployment(workload, contest.allocation(arm)))


def turn_on(cluster: Cluster, contest: Contest, arm: str) -> str:
    """Puts the arm's MultidimPodAutoscaler on the server; returns its path."""
    path = f"/apis/{GROUP}/{VERSION}/namespaces/{contest.workload.namespace}/{PLURAL}"
    cluster.client.create(path, autoscaler(contest, arm))
    return f"{path}/{contest.workload.name}"


def take_away(cluster: Cluster, contest: Contest) -> None:
    """Removes the Deployment with its pods, and the MultidimPodAutoscaler."""
    workload = contest.workload
    mpas = f"/apis/{GROUP}/{VERSION}/namespaces/{workload.namespace}/{PLURAL}"
    for path in (f"{mpas}/{workload.name}", f"{_deployments(workload)}/{workload.name}"):
        if cluster.exists(path):
            cluster.client.delete(f"{path}?propagationPolicy=Background")


def _deployments(workload: Workload) -> str:
    return f"/apis/apps/v1/namespaces/{workload.namespace}/deployments"
