"""The actuator killed by SIGKILL at each of its writes, as a process on a real API server."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import pytest

from components.kubernetes_api.autoscaler import MultidimPodAutoscaler
from tests.cluster.acting import LARGE, settle
from tests.cluster.api_server import REPOSITORY, Cluster
from tests.cluster.dying_actuator import TICK
from tests.cluster.dying_recommender import Order
from tests.cluster.faulty_client import FaultyClient, actuator_with, assert_at_rest
from tests.cluster.workloads import (
    create_mpa,
    deployment,
    mark_infeasible,
    mpa,
    pods_of,
    recommend,
    start,
)


@dataclass(frozen=True)
class Change:
    """What has to be done: `prepare` puts the workload and its object into the namespace.

    `kinds`: parts of the paths that its writes must have, so that none is forgotten. `replaced`:
    how many of the pods may be others afterwards.
    """

    name: str
    mode: str
    replicas: int
    kinds: tuple[str, ...]
    replaced: int
    stuck: bool = False


CHANGES = (
    Change(
        "in place",
        "Auto",
        3,
        ("/deployments/checkout", "/replicasets/", "/scale", "/resize", "/status", "/events"),
        replaced=0,
    ),
    Change("rolled out", "Recreate", 2, ("/deployments/checkout", "/status", "/events"), 2),
    Change("evicted", "Auto", 2, ("/eviction", "/status", "/events"), 1, stuck=True),
)


@pytest.fixture
def start_child() -> Iterator[Callable[[Order], int]]:
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.cluster.dying_actuator"],
        cwd=REPOSITORY,
        env=os.environ | {"NUMBA_NUM_THREADS": "1"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    orders, answers = process.stdin, process.stdout
    assert orders is not None
    assert answers is not None

    children = []

    def start_one(order: Order) -> int:
        orders.write(json.dumps(asdict(order)) + "\n")
        orders.flush()
        children.append(int(answers.readline()))
        return children[-1]

    try:
        assert answers.readline() == "ready\n"
        yield start_one
    finally:
        for child in children:
            with suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)
        process.kill()
        process.communicate()


def prepared(cluster: Cluster, namespace: str, change: Change) -> MultidimPodAutoscaler:
    """The workload as it was before, and what is wished."""
    start(cluster, namespace, deployment(replicas=2))
    mine = create_mpa(cluster, namespace, mpa(mode=change.mode))
    recommend(cluster, mine, replicas=change.replicas, cpu="300m", memory="100Mi")
    if change.stuck:
        settle(actuator_with(FaultyClient(cluster.client)), cluster, mine)
        mark_infeasible(cluster, next(iter(pods_of(cluster, namespace).values())).path)
    return mine


def lines(log: Path) -> list[str]:
    return log.read_text().splitlines() if log.exists() else []


def writes(log: Path) -> list[str]:
    return [line for line in lines(log) if not line.startswith(TICK)]


def run_child(cluster: Cluster, namespace: str, child: int, log: Path) -> None:
    """Waits until the actuator is dead or has nothing left to do; then it is dead."""
    rest = [f"{TICK}Applied"] * 2
    cluster.wait_for(
        lambda: lines(log)[-2:] == rest or not Path(f"/proc/{child}").exists(), namespace
    )
    with suppress(ProcessLookupError):
        os.kill(child, signal.SIGKILL)


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.name)
def test_killed_by_sigkill_at_any_write_the_next_actuator_ends_where_the_first_would_have(
    cluster: Cluster, tmp_path: Path, start_child: Callable[[Order], int], change: Change
) -> None:
    if cluster.has_kubelets and change.stuck:
        pytest.skip("a real node decides by itself what is feasible")

    def one_try(dies_at: int, done: bool) -> list[str]:
        """The writes that were done before the death, or all where nobody died."""
        namespace = cluster.new_namespace()
        prepared(cluster, namespace, change)
        before = pods_of(cluster, namespace)
        log = tmp_path / f"{dies_at}-{done}"
        order = Order(
            str(cluster.kubeconfig), namespace, "", str(log), "", 2000, dies_at=dies_at, done=done
        )
        run_child(cluster, namespace, start_child(order), log)
        if dies_at:
            following = replace(order, dies_at=0, log=f"{log}-following")
            run_child(cluster, namespace, start_child(following), Path(following.log))
        after = pods_of(cluster, namespace)
        told = f"killed at {dies_at} ({'after' if done else 'before'}) of {writes(log)}"
        assert len(after) == change.replicas, told
        assert {pod.containers["app"] for pod in after.values()} == {LARGE}, told
        assert len(before.keys() - after.keys()) == change.replaced, told
        assert_at_rest(
            cluster, namespace, f"/apis/apps/v1/namespaces/{namespace}/deployments/checkout"
        )
        cluster.remove_namespaces()
        return writes(log)

    all_writes = one_try(0, done=False)
    assert all(any(kind in path for path in all_writes) for kind in change.kinds), all_writes
    # The controllers' pace decides how often the status changes: another try may have fewer writes.
    for dies_at in range(1, len(all_writes) + 1):
        assert len(one_try(dies_at, done=True)) <= dies_at
    assert one_try(1, done=False) == []
