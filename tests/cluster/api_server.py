"""A real Kubernetes API server for tests: the rig on loopback, or the user's own cluster.

    AWARE_TEST_KUBECONFIG=$HOME/.kube/kind-config pytest tests/cluster

runs the same tests on any cluster, kind's or a real one, as an administrator of it. They make
namespaces called aware-test-*, which they remove, aware-system, and the product's CRD and
ClusterRoles: a cluster for tests. Its name isn't KUBECONFIG, so that nobody runs them on what his
kubectl happens to point at. Where nodes have kubelets pods start by themselves, and tests skip
that must decide what a node does or reach this machine's loopback.
"""

from __future__ import annotations

import os
import random
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml

from components.kubernetes_api.client import Json, KubernetesClient, RetryPolicy, connect
from components.kubernetes_api.errors import AbsentError, ConflictError

REPOSITORY = Path(__file__).parents[2]
OWN_CLUSTER = "AWARE_TEST_KUBECONFIG"
RIG = "AWARE_TEST_KUBE_RIG"
NODE = "node-a"

# A start under full load on a small machine; nothing waits this long otherwise.
_WITHIN_S = 60.0
_QUICK = RetryPolicy(attempts=3, first_wait_s=0.05, within_s=10.0)


@dataclass
class Cluster:
    """An API server with its controllers; `has_kubelets` where pods start by themselves."""

    kubeconfig: Path
    client: KubernetesClient
    has_kubelets: bool
    _namespaces: list[str] = field(default_factory=list)

    def new_namespace(self) -> str:
        """Makes a namespace of its own for a test and returns its name."""
        document = {"metadata": {"generateName": "aware-test-"}}
        name = str(self.client.create("/api/v1/namespaces", document)["metadata"]["name"])
        self._namespaces.append(name)
        # Pods are refused until the controller has made the account that they run as.
        self.wait_for(lambda: self.exists(f"/api/v1/namespaces/{name}/serviceaccounts/default"))
        return name

    def remove_namespaces(self) -> None:
        """Deletes what new_namespace made."""
        for name in self._namespaces:
            self.client.delete(f"/api/v1/namespaces/{name}")
        self._namespaces.clear()

    def exists(self, path: str) -> bool:
        """Whether there is an object at the path."""
        try:
            self.client.get(path)
        except AbsentError:
            return False
        return True

    def apply(self, path: str, document: Json) -> Json:
        """Makes the object or, where it exists, sets it."""
        name = document["metadata"]["name"]
        try:
            return self.client.create(path, document)
        except ConflictError:
            return self.client.patch(f"{path}/{name}", document)

    def wait_for(self, holds: Callable[[], Any], namespace: str = "") -> Any:
        """Waits until `holds` returns something true and returns it; runs pods meanwhile."""
        end_s = time.monotonic() + _WITHIN_S
        while True:
            if namespace and not self.has_kubelets:
                run_pods(self.client, namespace)
            result = holds()
            if result:
                return result
            assert time.monotonic() < end_s, f"still not so after {_WITHIN_S:.0f} s"
            time.sleep(0.1)

    def client_as(self, namespace: str, service_account: str) -> KubernetesClient:
        """A client that is a service account, by a token from the TokenRequest API."""
        path = f"/api/v1/namespaces/{namespace}/serviceaccounts/{service_account}/token"
        answer = self.client.create(path, {"spec": {"expirationSeconds": 3600}})
        config = yaml.safe_load(self.kubeconfig.read_text())
        current = next(
            item["context"]
            for item in config["contexts"]
            if item["name"] == config["current-context"]
        )
        config["users"] = [{"name": "account", "user": {"token": answer["status"]["token"]}}]
        current["user"] = "account"
        path_of_account = self.kubeconfig.parent / f"{namespace}-{service_account}.kubeconfig"
        path_of_account.write_text(yaml.safe_dump(config))
        path_of_account.chmod(0o600)
        return connect(path_of_account, _QUICK)


def run_pods(client: KubernetesClient, namespace: str) -> None:
    """Does what a scheduler and a kubelet would: binds pods, makes them ready, lets them go."""
    for pod in client.list(f"/api/v1/namespaces/{namespace}/pods"):
        path = f"/api/v1/namespaces/{namespace}/pods/{pod['metadata']['name']}"
        try:
            if "deletionTimestamp" in pod["metadata"]:
                client.delete(f"{path}?gracePeriodSeconds=0")
            elif "nodeName" not in pod["spec"]:
                client.create(f"{path}/binding", _binding(pod["metadata"]["name"]))
                client.patch(f"{path}/status", {"status": ready_status(pod)})
        except (AbsentError, ConflictError):
            continue  # gone or changed meanwhile: the next round sees it


def ready_status(pod: Json) -> Json:
    """The status of a pod all of whose containers run."""
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    return {
        "phase": "Running",
        "conditions": [
            {"type": "PodScheduled", "status": "True", "lastTransitionTime": now},
            {"type": "Ready", "status": "True", "lastTransitionTime": now},
        ],
        "containerStatuses": [
            {
                "name": container["name"],
                "image": container["image"],
                "imageID": "",
                "ready": True,
                "restartCount": 0,
                "state": {"running": {"startedAt": now}},
            }
            for container in pod["spec"]["containers"]
        ],
    }


@contextmanager
def running_cluster(binaries: Path, folder: Path) -> Iterator[Cluster]:
    """The user's cluster, or a rig that is stopped at the end; skips where there is neither."""
    own = os.environ.get(OWN_CLUSTER)
    if own:
        client = connect(Path(own))
        given = Cluster(Path(own), client, has_kubelets=_have_kubelets(client))
        if not given.has_kubelets:
            _make_node(given)
        yield given
        return
    rig = Path(os.environ.get(RIG, REPOSITORY.parent / "shared" / "kube"))
    missing = [name for name in ("etcd", "openssl", "curl") if shutil.which(name) is None]
    if not (rig / "up.sh").exists():
        pytest.skip(f"no API server: set {OWN_CLUSTER} to a test cluster's kubeconfig")
    if missing:
        pytest.skip(f"no API server: {', '.join(missing)} not installed")
    try:
        kubeconfig = _start(rig, binaries, folder)
        cluster = Cluster(kubeconfig, connect(kubeconfig, _QUICK), has_kubelets=False)
        _make_node(cluster)
        yield cluster
    finally:
        subprocess.run([rig / "down.sh", folder], check=False)


def _start(rig: Path, binaries: Path, folder: Path) -> Path:
    if not (binaries / "kube-apiserver").exists():
        unpacked = binaries.with_name(f"{binaries.name}-{os.getpid()}")
        unpacked.mkdir(parents=True)
        archive = next(rig.glob("kube-*.tar.xz"))
        subprocess.run(["tar", "-xJf", archive, "-C", unpacked], check=True)
        shutil.rmtree(binaries, ignore_errors=True)
        unpacked.rename(binaries)
    for _ in range(3):
        port, etcd_port = _free_pair(), _free_pair()
        ports = {"PORT": str(port), "EPORT": str(etcd_port)}
        with (folder / "up.out").open("w") as log:
            subprocess.run(
                [rig / "up.sh", folder, "kcm"],
                env=os.environ | {"BIN": str(binaries)} | ports,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                timeout=120,
                check=False,
            )
        if _listens(port + 1):
            return folder / "kubeconfig"
        # Someone took a port between our look and its use, or the machine is too busy.
        subprocess.run([rig / "down.sh", folder], check=False)
    raise AssertionError((folder / "up.out").read_text())


def _listens(port: int) -> bool:
    end_s = time.monotonic() + _WITHIN_S
    while time.monotonic() < end_s:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return True
        time.sleep(0.1)
    return False


def _free_pair() -> int:
    """A port that is free together with the next one, below those of outgoing connections."""
    while True:
        port = random.SystemRandom().randrange(20_000, 32_000, 2)
        with socket.socket() as one, socket.socket() as next_one:
            try:
                one.bind(("127.0.0.1", port))
                next_one.bind(("127.0.0.1", port + 1))
            except OSError:
                continue
            return port


def _have_kubelets(client: KubernetesClient) -> bool:
    nodes = client.list("/api/v1/nodes")
    return any(node["status"].get("nodeInfo", {}).get("kubeletVersion") for node in nodes)


def _make_node(cluster: Cluster) -> None:
    cluster.apply("/api/v1/nodes", {"metadata": {"name": NODE}})
    room = {"cpu": "8", "memory": "16Gi", "pods": "110"}
    cluster.client.patch(
        f"/api/v1/nodes/{NODE}/status", {"status": {"capacity": room, "allocatable": room}}
    )


def _binding(pod: str) -> Json:
    return {
        "apiVersion": "v1",
        "kind": "Binding",
        "metadata": {"name": pod},
        "target": {"apiVersion": "v1", "kind": "Node", "name": NODE},
    }
