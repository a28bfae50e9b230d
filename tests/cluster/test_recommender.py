"""The recommender on a real API server; what it writes is what the actuator applies."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

from components.actuator.tick import Actuator
from components.artifacts.local import LocalStore
from components.cluster.vpa import WINDOW_PEAK_BYTES
from components.kubernetes_api.autoscaler import autoscaler_of
from components.kubernetes_api.capabilities import discover
from components.kubernetes_api.conditions import FALSE, TRUE, condition
from components.kubernetes_api.leases import LeaseHolder
from components.recommender.exposition import Figures
from components.recommender.main import LEASE_S, Service
from components.recommender.memory_store import shard_of
from components.recommender.settings import RecommenderSettings
from components.recommender.tick import COMPONENT, Recommender
from components.workload.telemetry import telemetry_bytes
from pipelines.live_explanation import live_explanation
from tests.cluster.acting import settle
from tests.cluster.api_server import REPOSITORY, Cluster
from tests.cluster.workloads import create_mpa, deployment, mpa, pods_of, start
from tests.components.recommender.recommending import LOAD, MI, MemoryTelemetry, frame_of


def test_one_object_and_no_policy_is_scaled_by_hpa_and_vpa_through_the_actuator(
    cluster: Cluster, namespace: str, actuator: Actuator
) -> None:
    start(cluster, namespace, deployment(replicas=2))
    mine = create_mpa(cluster, namespace, mpa())
    lonely = create_mpa(cluster, namespace, mpa("lonely"))
    load = LOAD | {"cpu_usage_m": 600.0}
    recommender = Recommender(
        cluster.client,
        discover(cluster.client),
        MemoryTelemetry({f"{namespace}/checkout": load}),
        None,
        RecommenderSettings(),
        Figures(),
    )

    recommender.tick()
    told = autoscaler_of(cluster.client.get(mine.path))
    recommender.tick()
    again = autoscaler_of(cluster.client.get(mine.path))

    # 150 % of the request, of 70 %: 2 * 1.5 / 0.7 = 4.3; memory by at most 100 % at once.
    assert told.desired_replicas == 5
    size = told.recommendations[0].target
    assert (size.cpu_m, size.memory_bytes) == (200, 128 * MI)
    provided = condition(told.conditions, "RecommendationProvided")
    assert provided is not None
    assert (provided.status, provided.reason) == (TRUE, "IncumbentDecided")
    assert again.resource_version == told.resource_version, "nothing new, nothing written"
    explained = live_explanation(cluster.client, f"{namespace}/checkout")
    assert explained[0].lines[0] == "5 replicas"
    assert any("CPU use 150 % of the request" in line for line in explained[2].lines)
    refused = condition(
        autoscaler_of(cluster.client.get(lonely.path)).conditions, "RecommendationProvided"
    )
    assert refused is not None
    assert refused.status == FALSE
    settle(actuator, cluster, mine)
    pods = pods_of(cluster, namespace)
    assert len(pods) == 5
    assert {pod.containers["app"].memory_request_bytes for pod in pods.values()} == {128 * MI}


def test_as_a_process_it_serves_its_state_and_gives_its_lease_up(
    cluster: Cluster, namespace: str, tmp_path: Path
) -> None:
    start(cluster, namespace, deployment(replicas=2))
    mine = create_mpa(cluster, namespace, mpa())
    (tmp_path / namespace).mkdir()
    frame = frame_of(LOAD | {"cpu_usage_m": 600.0}, time.time())
    (tmp_path / namespace / "checkout.parquet").write_bytes(telemetry_bytes(frame))
    port = _free_port()
    process = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "components.recommender.main",
            f"--kubeconfig={cluster.kubeconfig}",
            f"--namespace={namespace}",
            f"--telemetry={tmp_path}",
            f"--store={tmp_path / 'store'}",
            f"--listen=127.0.0.1:{port}",
            "--identity=the-recommender",
            "--tick-seconds=0.5",
        ],
        cwd=REPOSITORY,
        env=os.environ | {"NUMBA_NUM_THREADS": "1"},
    )
    try:

        def recommended() -> bool:
            return autoscaler_of(cluster.client.get(mine.path)).desired_replicas == 5

        cluster.wait_for(recommended, namespace)
        cluster.wait_for(lambda: b"aware_recommender_ticks_total" in _fetch(port, "metrics"))
        assert _fetch(port, "healthz") == b"ok\n"
        assert _fetch(port, "readyz") == b"ok\n"
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=30) == 0
    finally:
        process.kill()
        process.wait()
    lease = f"/apis/coordination.k8s.io/v1/namespaces/{namespace}/leases/aware-recommender"
    assert cluster.client.get(lease)["spec"].get("holderIdentity", "") == ""


def test_after_kill_9_another_takes_over_when_the_lease_lapses_and_knows_what_was_learned(
    cluster: Cluster, namespace: str, tmp_path: Path
) -> None:
    start(cluster, namespace, deployment(replicas=2))
    mine = create_mpa(cluster, namespace, mpa())
    folder, stored = tmp_path / "telemetry", tmp_path / "store"
    (folder / namespace).mkdir(parents=True)
    frame = frame_of(LOAD | {"memory_working_set_bytes": 700.0 * MI}, time.time())
    (folder / namespace / "checkout.parquet").write_bytes(telemetry_bytes(frame))
    process = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "components.recommender.main",
            f"--kubeconfig={cluster.kubeconfig}",
            f"--namespace={namespace}",
            f"--telemetry={folder}",
            f"--store={stored}",
            f"--listen=127.0.0.1:{_free_port()}",
            "--identity=the-first",
            "--tick-seconds=0.5",
        ],
        cwd=REPOSITORY,
        env=os.environ | {"NUMBA_NUM_THREADS": "1"},
    )
    try:
        shard = stored / "memories" / f"{shard_of(mine.key):02d}.json"
        cluster.wait_for(lambda: shard.exists() and mine.key in shard.read_text(), namespace)
    finally:
        process.kill()
        process.wait()
    clock = [0.0]
    service = Service(
        client=cluster.client,
        telemetry=MemoryTelemetry({mine.key: LOAD}),
        store=LocalStore(stored),
        settings=RecommenderSettings(),
        lease=LeaseHolder(
            cluster.client, namespace, COMPONENT, "the-second", LEASE_S, lambda: clock[0]
        ),
    )

    service.once()
    assert service.recommender is None, "the Lease of the killed one still holds"
    clock[0] = LEASE_S + 1.0
    service.once()

    assert service.recommender is not None
    remembered = service.recommender.controllers.remembered(mine.key)
    assert remembered is not None
    assert remembered.history[WINDOW_PEAK_BYTES] == 700 * MI
    told = autoscaler_of(cluster.client.get(mine.path))
    assert told.recommendations[0].target.memory_bytes is not None
    assert told.recommendations[0].target.memory_bytes >= 128 * MI


def test_one_that_lost_its_lease_writes_nothing_any_more(cluster: Cluster, namespace: str) -> None:
    start(cluster, namespace, deployment(replicas=2))
    mine = create_mpa(cluster, namespace, mpa())
    clock = [0.0]
    load = {mine.key: LOAD | {"cpu_usage_m": 600.0}}
    one, other = (
        Service(
            client=cluster.client,
            telemetry=MemoryTelemetry(dict(load)),
            store=None,
            settings=RecommenderSettings(tick_s=0.001),
            lease=LeaseHolder(
                cluster.client, namespace, COMPONENT, identity, LEASE_S, lambda: clock[0]
            ),
        )
        for identity in ("one", "other")
    )
    one.once()
    other.once()
    clock[0] = LEASE_S + 1.0
    other.once()
    assert other.recommender is not None
    version = autoscaler_of(cluster.client.get(mine.path)).resource_version
    one.telemetry = MemoryTelemetry({mine.key: LOAD | {"cpu_usage_m": 900.0}})

    one.once()

    assert one.recommender is None
    assert autoscaler_of(cluster.client.get(mine.path)).resource_version == version


def test_without_a_cluster_it_ends_with_one_line(tmp_path: Path) -> None:
    missing = tmp_path / "kubeconfig"
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "components.recommender.main",
            f"--kubeconfig={missing}",
            f"--telemetry={tmp_path}",
        ],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert len(done.stderr.strip().splitlines()) == 1


def _fetch(port: int, page: str) -> bytes:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/{page}", timeout=10) as answer:
        return bytes(answer.read())


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
