"""The API server killed and started again under a running actuator."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from components.kubernetes_api.autoscaler import autoscaler_of
from components.kubernetes_api.conditions import condition
from components.kubernetes_api.leases import LeaseHolder
from tests.cluster.api_server import OWN_CLUSTER, REPOSITORY, Cluster, running_cluster
from tests.cluster.workloads import (
    create_mpa,
    deployment,
    install_crd,
    mpa,
    pods_of,
    recommend,
    start,
)


@pytest.fixture
def own(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Cluster]:
    """A server of this test alone, since it is going to be killed."""
    cache = request.config.cache
    assert cache is not None
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv(OWN_CLUSTER, raising=False)
        with running_cluster(cache.mkdir("kube") / "bin", tmp_path) as cluster:
            install_crd(cluster)
            yield cluster


def killed(folder: Path) -> list[str]:
    """Kills the API server and returns the command that it was started with."""
    process = int((folder / "api.pid").read_text())
    command = Path(f"/proc/{process}/cmdline").read_bytes().decode().strip("\0").split("\0")
    os.kill(process, signal.SIGKILL)
    return command


def test_the_actuator_goes_on_where_the_server_was_killed_and_nothing_shrinks_meanwhile(
    own: Cluster, tmp_path: Path
) -> None:
    namespace = own.new_namespace()
    start(own, namespace, deployment(replicas=2))
    before = pods_of(own, namespace)
    mine = create_mpa(own, namespace, mpa())
    recommender = LeaseHolder(own.client, namespace, "aware-recommender", "a-recommender")
    recommender.hold()
    log = (tmp_path / "actuator.log").open("w+")
    options = [f"--kubeconfig={own.kubeconfig}", f"--namespace={namespace}", "--tick-seconds=0.2"]
    actuator = subprocess.Popen(
        [sys.executable, "-m", "components.actuator.main", *options], cwd=REPOSITORY, stderr=log
    )
    again = None
    try:
        own.wait_for(lambda: "1 workloads" in (tmp_path / "actuator.log").read_text(), namespace)
        command = killed(tmp_path)
        own_url = yaml.safe_load(own.kubeconfig.read_text())["clusters"][0]["cluster"]["server"]
        own.wait_for(lambda: own_url.rpartition(":")[2] in (tmp_path / "actuator.log").read_text())
        again = subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.DEVNULL)
        (tmp_path / "api.pid").write_text(str(again.pid))
        own.wait_for(lambda: answers(own))

        recommend(own, mine, replicas=3, cpu="300m", memory="100Mi")
        own.wait_for(lambda: recommender.hold() and applied(own, mine.path), namespace)

        assert actuator.poll() is None, "it is the same process"
        after = pods_of(own, namespace)
        assert before.keys() < after.keys()
        assert {pod.containers["app"].cpu_limit_m for pod in after.values()} == {300}
    finally:
        actuator.kill()
        actuator.wait()
        log.close()
        if again is not None:
            again.kill()
            again.wait()


def answers(cluster: Cluster) -> bool:
    """Whether the server is back."""
    try:
        return bool(cluster.client.get("/api/v1/namespaces/default"))
    except Exception:  # noqa: BLE001 - whatever a server says that is only starting
        return False


def applied(cluster: Cluster, path: str) -> bool:
    """Whether the actuator says that what is wished has landed."""
    told = condition(autoscaler_of(cluster.client.get(path)).conditions, "AbleToScale")
    return told is not None and told.reason == "Applied" and "3 replicas" in told.message
