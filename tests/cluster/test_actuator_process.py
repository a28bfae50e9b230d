"""The actuator as a process of its own: killed at random moments, then stopped as a pod is."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator

import pytest

from components.kubernetes_api.autoscaler import autoscaler_of
from components.kubernetes_api.conditions import condition
from components.kubernetes_api.leases import LeaseHolder
from components.kubernetes_api.names import IN_STEP_LABEL
from tests.cluster.api_server import REPOSITORY, Cluster
from tests.cluster.workloads import create_mpa, deployment, mpa, pods_of, recommend, start

Start = Callable[[str], subprocess.Popen[bytes]]


@pytest.fixture
def started(cluster: Cluster, namespace: str) -> Iterator[Start]:
    processes: list[subprocess.Popen[bytes]] = []

    def start_one(identity: str) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "components.actuator.main",
                f"--kubeconfig={cluster.kubeconfig}",
                f"--namespace={namespace}",
                f"--identity={identity}",
                "--tick-seconds=0.2",
            ],
            cwd=REPOSITORY,
            stderr=subprocess.PIPE,
        )
        processes.append(process)
        return process

    yield start_one
    for process in processes:
        process.kill()
        process.communicate()


def applied(cluster: Cluster, path: str, cpu: str) -> bool:
    status = autoscaler_of(cluster.client.get(path))
    told = condition(status.conditions, "AbleToScale")
    return told is not None and told.reason == "Applied" and f"cpu {cpu}" in told.message


def test_killed_again_and_again_it_converges_and_stopped_it_gives_its_lease_up(
    cluster: Cluster, namespace: str, started: Start
) -> None:
    path = start(cluster, namespace, deployment(replicas=2))
    before = pods_of(cluster, namespace)
    mine = create_mpa(cluster, namespace, mpa())
    recommender = LeaseHolder(cluster.client, namespace, "aware-recommender", "a-recommender")
    chance = random.Random(1)
    for cpu in ("300m", "250m", "350m", "200m"):
        recommend(cluster, mine, replicas=2, cpu=cpu)
        process = started("the-actuator")
        # From a start of about a second on, somewhere within the writes.
        end_s = time.monotonic() + chance.uniform(1.0, 3.0)
        while time.monotonic() < end_s:
            recommender.hold()
            time.sleep(0.1)
        process.send_signal(signal.SIGKILL)
        process.wait()

    process = started("the-actuator")
    # The one before may have applied it all: wait until this one has ticked, not only started.
    assert process.stderr is not None
    assert process.stderr.readline()
    cluster.wait_for(lambda: recommender.hold() and applied(cluster, mine.path, "200m"), namespace)

    after = pods_of(cluster, namespace)
    assert {name: pod.uid for name, pod in after.items()} == {
        name: pod.uid for name, pod in before.items()
    }
    assert {pod.containers["app"].cpu_request_m for pod in after.values()} == {200}
    assert IN_STEP_LABEL not in cluster.client.get(path)["metadata"].get("labels", {})
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=30) == 0
    lease = f"/apis/coordination.k8s.io/v1/namespaces/{namespace}/leases/aware-actuator"
    assert cluster.client.get(lease)["spec"].get("holderIdentity", "") == ""


def test_without_a_cluster_it_ends_with_one_line(tmp_path_factory: pytest.TempPathFactory) -> None:
    missing = tmp_path_factory.mktemp("empty") / "kubeconfig"
    done = subprocess.run(
        [sys.executable, "-m", "components.actuator.main", f"--kubeconfig={missing}"],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert len(done.stderr.strip().splitlines()) == 1
    assert str(missing) in done.stderr
