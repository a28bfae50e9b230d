"""Recommenders killed by SIGKILL at every write, and two of them, on a real API server."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import IO

import numpy as np
import pytest

from components.artifacts.bundle import publish
from components.artifacts.channel import move_channel, read_channel
from components.artifacts.local import LocalStore
from components.kubernetes_api.autoscaler import (
    ALL_AUTOSCALERS,
    MultidimPodAutoscaler,
    autoscaler_of,
)
from components.kubernetes_api.conditions import condition
from components.recommender.memory_record import Remembered, from_document
from components.recommender.memory_store import shard_of
from components.recommender.phase_state import CANARY, SHADOW, PhaseState
from components.recommender.phase_store import PhaseRecord, load_record, save_record
from tests.cluster.api_server import REPOSITORY, Cluster
from tests.cluster.dying_recommender import Order
from tests.cluster.workloads import create_mpa, deployment, mpa, start
from tests.components.recommender.recommending import GATE, MI, bundle

TICKS = 3
IN_FORCE = (2, 200, 64 * MI)


@dataclass
class Nursery:
    """Starts recommenders."""

    orders: IO[str]
    answers: IO[str]

    def start(self, order: Order) -> int:
        """The process that carries the order out."""
        self.orders.write(json.dumps(asdict(order)) + "\n")
        self.orders.flush()
        return int(self.answers.readline())


@pytest.fixture(scope="module")
def nursery() -> Iterator[Nursery]:
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.cluster.dying_recommender"],
        cwd=REPOSITORY,
        env=os.environ | {"NUMBA_NUM_THREADS": "1"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        assert process.stdout.readline() == "ready\n"
        yield Nursery(process.stdin, process.stdout)
    finally:
        process.kill()
        process.communicate()


@dataclass
class Shop:
    """A namespace with one Deployment, and for each try a new object and a new store."""

    cluster: Cluster
    namespace: str
    folder: Path
    tries: int = 0

    def new_try(self) -> tuple[Order, MultidimPodAutoscaler]:
        """A policy at the end of its shadow: at the first tick it becomes CANARY."""
        self.tries += 1
        lease = f"/apis/coordination.k8s.io/v1/namespaces/{self.namespace}/leases/aware-recommender"
        document = mpa(annotations=GATE)
        path = f"/apis/autoscaling.k8s.io/v1alpha1/namespaces/{self.namespace}"
        for old in (lease, f"{path}/multidimpodautoscalers/checkout"):
            if self.cluster.exists(old):
                self.cluster.client.delete(old)
        mine = create_mpa(self.cluster, self.namespace, document)
        store = LocalStore(self.folder / f"store-{self.tries}")
        digest = publish(store, replace(bundle(), workload=mine.key))
        move_channel(store, self.namespace, "checkout", digest, SHADOW)
        state = PhaseState(phase=SHADOW, digest=digest, reason="ByTest", intervals=240)
        usual = np.zeros(300, dtype=np.uint16)
        save_record(store, self.namespace, "checkout", PhaseRecord(state, usual))
        log = self.folder / f"log-{self.tries}"
        log.touch()
        order = Order(
            str(self.cluster.kubeconfig), self.namespace, str(store.folder), str(log), "one", TICKS
        )
        return order, mine

    def ended(self, process: int) -> None:
        """Waits until the process is gone."""
        self.cluster.wait_for(lambda: not Path(f"/proc/{process}").exists())


@pytest.fixture
def shop(cluster: Cluster, namespace: str, tmp_path: Path) -> Shop:
    # What other tests leave goes with its namespace; until then it is written for, too.
    cluster.wait_for(lambda: not others(cluster, namespace))
    start(cluster, namespace, deployment(replicas=2))
    return Shop(cluster, namespace, tmp_path)


def others(cluster: Cluster, namespace: str) -> list[str]:
    """Namespaces of other tests that still hold a MultidimPodAutoscaler."""
    found = cluster.client.list(ALL_AUTOSCALERS)
    held = {item["metadata"]["namespace"] for item in found}
    return sorted(name for name in held - {namespace} if name.startswith("aware-test-"))


def lines(order: Order) -> list[str]:
    return Path(order.log).read_text().split("\n")[:-1]


def sizes(mine: MultidimPodAutoscaler) -> tuple[int, int, int]:
    size = mine.recommendations[0].target
    assert None not in (mine.desired_replicas, size.cpu_m, size.memory_bytes)
    return mine.desired_replicas, size.cpu_m, size.memory_bytes  # type: ignore[return-value]


def nothing_is_half_written(order: Order, told: MultidimPodAutoscaler) -> None:
    for path in Path(order.store).rglob("*.json"):
        json.loads(path.read_bytes())
    if told.desired_replicas is None:
        assert not told.recommendations
        assert not told.conditions
        return
    assert all(now >= before for now, before in zip(sizes(told), IN_FORCE, strict=True))
    kinds = {item.type for item in told.conditions}
    assert kinds >= {"RecommendationProvided", "PolicyActing"}


def remembered(order: Order, key: str) -> Remembered:
    shard = Path(order.store) / "memories" / f"{shard_of(key):02d}.json"
    return from_document(json.loads(shard.read_bytes())["workloads"][key])


def test_killed_at_any_write_the_next_one_ends_where_the_first_would_have(
    shop: Shop, nursery: Nursery
) -> None:
    straight, mine = shop.new_try()
    shop.ended(nursery.start(straight))
    writes = [line for line in lines(straight) if line != "tick"]
    assert {*writes} == {
        "create leases",
        "put leases",
        "store memories",
        "store phases",
        "store channels",
        "create events",
        "patch status",
    }
    wanted = sizes(autoscaler_of(shop.cluster.client.get(mine.path)))
    memory = remembered(straight, mine.key)
    # The first two ticks have every kind of write; before a write is after the one before it.
    within = writes.index("put leases") + 2
    points = [(number, True) for number in range(1, within + 1)] + [(1, False), (within, False)]
    for dies_at, done in points:
        dying, mine = shop.new_try()
        dying = replace(dying, dies_at=dies_at, done=done)
        shop.ended(nursery.start(dying))
        which = f"killed {'after' if done else 'before'} write {dies_at} of {writes}"
        assert len(lines(dying)) - lines(dying).count("tick") == dies_at - (not done), which
        nothing_is_half_written(dying, autoscaler_of(shop.cluster.client.get(mine.path)))
        ticked = lines(dying).count("tick")

        following = replace(dying, identity="two", dies_at=0, first=ticked, ticks=TICKS - ticked)
        shop.ended(nursery.start(following))

        told = autoscaler_of(shop.cluster.client.get(mine.path))
        nothing_is_half_written(following, told)
        assert sizes(told) == wanted, which
        acting = condition(told.conditions, "PolicyActing")
        assert acting is not None
        assert acting.reason == CANARY, which
        store = LocalStore(Path(following.store))
        assert load_record(store, shop.namespace, "checkout").state.phase == CANARY, which
        assert read_channel(store, shop.namespace, "checkout").state == CANARY, which
        again = remembered(following, mine.key)
        assert (again.seen_s, again.acting) == (memory.seen_s, True), which
        np.testing.assert_allclose(again.history, memory.history, err_msg=which)
        np.testing.assert_allclose(again.rule, memory.rule, err_msg=which)


def test_of_two_one_decides_and_when_it_is_killed_the_other_does(
    shop: Shop, nursery: Nursery
) -> None:
    one, mine = shop.new_try()
    one = replace(one, ticks=1000)
    first = nursery.start(one)
    second = 0
    try:
        shop.cluster.wait_for(lambda: lines(one).count("tick") >= 2)
        log = Path(one.log).with_name("log-of-the-other")
        log.touch()
        other = replace(one, identity="two", log=str(log), first=500)
        second = nursery.start(other)
        shop.cluster.wait_for(lambda: lines(other).count("waits") >= 4)
        assert "tick" not in lines(other)
        assert not any("status" in line or "store" in line for line in lines(other))
        os.kill(first, signal.SIGKILL)
        shop.ended(first)
        before = lines(one)
        shop.cluster.wait_for(lambda: lines(other).count("tick") >= 2)
        assert lines(one) == before
    finally:
        for process in (first, second):
            if process and Path(f"/proc/{process}").exists():
                os.kill(process, signal.SIGKILL)
    told = autoscaler_of(shop.cluster.client.get(mine.path))
    nothing_is_half_written(one, told)
    lease = f"/apis/coordination.k8s.io/v1/namespaces/{shop.namespace}/leases/aware-recommender"
    spec = shop.cluster.client.get(lease)["spec"]
    assert (spec["holderIdentity"], spec["leaseTransitions"]) == ("two", 1)
