"""Recommenders in processes of their own that die by SIGKILL at a stated write.

`python -m tests.cluster.dying_recommender` reads orders, a line of JSON each, and answers each
with the process number of the child that carries it out: forked, so that what takes long to load
is loaded once. A child leaves a line for each write and tick in its log.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from components.artifacts.local import LocalStore
from components.kubernetes_api.capabilities import discover
from components.kubernetes_api.client import MERGE_PATCH, Body, Json, KubernetesClient, connect
from components.kubernetes_api.leases import LeaseHolder
from components.recommender.exposition import Figures
from components.recommender.settings import RecommenderSettings
from components.recommender.tick import COMPONENT, Recommender
from tests.components.recommender.recommending import GATE, LOAD, START_S, MemoryTelemetry, world

# Short, so that a test needn't wait long for a dead one's Lease.
LEASE_S = 2


@dataclass(frozen=True, slots=True)
class Order:
    """`dies_at`: the write at which it dies, counted from 1; 0 for never.

    `done`: whether the server or store has done that write. `first`: the number of its first
    tick, a minute of its wall clock each. `pause_s`: between two turns.
    """

    kubeconfig: str
    namespace: str
    store: str
    log: str
    identity: str
    ticks: int
    first: int = 0
    dies_at: int = 0
    done: bool = True
    pause_s: float = 0.05


class Fate:
    """Counts the writes and ends the process at the one that was ordered."""

    def __init__(self, order: Order) -> None:
        self._order = order
        self._count = 0
        # Workloads are written for at the same time: a write that is counted while another one
        # is on its way would be taken for that one.
        self._turn = threading.Lock()

    def around(self, name: str, write: Callable[[], object]) -> object:
        """The write, unless the process dies before it; one at a time."""
        with self._turn:
            self._count += 1
            self._die_if(self._order.done is False)
            answer = write()
            self.note(name)
            self._die_if(self._order.done)
        return answer

    def note(self, line: str) -> None:
        """A line in the log."""
        with Path(self._order.log).open("a") as log:
            log.write(f"{line}\n")

    def _die_if(self, here: bool) -> None:
        if here and self._count == self._order.dies_at:
            os.kill(os.getpid(), signal.SIGKILL)
            time.sleep(60)  # another thread than the one that the signal reaches first


def kind_of(verb: str, path: str) -> str:
    """What a write is called in the log, whichever object it is of."""
    if verb == "patch":
        return "patch status" if path.endswith("/status") else f"patch {path}"
    return f"create {path.rpartition('/')[2]}" if verb == "create" else f"put {path.split('/')[-2]}"


@dataclass
class MortalClient:
    """A real client whose writes are the process's fate; `name` says what the log calls them."""

    real: KubernetesClient
    fate: Fate
    name: Callable[[str, str], str] = kind_of

    def get(self, path: str, query: Mapping[str, str] | None = None) -> Json:
        return self.real.get(path, query)

    def list(self, path: str, query: Mapping[str, str] | None = None) -> list[Json]:
        return self.real.list(path, query)

    def patch(self, path: str, body: Body, content_type: str = MERGE_PATCH) -> Json:
        return self._write("patch", path, lambda: self.real.patch(path, body, content_type))

    def create(self, path: str, body: Json, retry_busy: bool = True) -> Json:
        return self._write("create", path, lambda: self.real.create(path, body, retry_busy))

    def put(self, path: str, body: Json) -> Json:
        return self._write("put", path, lambda: self.real.put(path, body))

    def _write(self, verb: str, path: str, write: Callable[[], Json]) -> Json:
        return self.fate.around(self.name(verb, path), write)  # type: ignore[return-value]


@dataclass(frozen=True)
class MortalStore(LocalStore):
    """A real store whose writes are the process's fate."""

    fate: Fate

    def write_if(self, key: str, data: bytes, tag: str | None) -> bool:
        name = f"store {key.partition('/')[0]}"
        return bool(self.fate.around(name, lambda: LocalStore.write_if(self, key, data, tag)))


def run(order: Order) -> None:
    """Turns as the program's loop does, until so many ticks were made."""
    fate = Fate(order)
    client = MortalClient(connect(Path(order.kubeconfig)), fate)
    lease = LeaseHolder(client, order.namespace, COMPONENT, order.identity, LEASE_S)  # type: ignore[arg-type]
    load = LOAD | {"cpu_usage_m": 600.0, "request_rate_per_s": 100.0, "oom_kills": 0.0}
    now = [START_S]
    recommender: Recommender | None = None
    ticks = 0
    while ticks < order.ticks:
        if not lease.hold():
            recommender = None
            fate.note("waits")
        else:
            now[0] = START_S + 60.0 * (order.first + ticks)
            recommender = recommender or Recommender(
                client,  # type: ignore[arg-type]
                discover(client.real),
                MemoryTelemetry({f"{order.namespace}/checkout": load}),
                MortalStore(Path(order.store), fate),
                RecommenderSettings(save_every=1, workers=1),
                Figures(),
                wall_clock=lambda: now[0],
            )
            recommender.tick()
            ticks += 1
            fate.note("tick")
        time.sleep(order.pause_s)


def main() -> None:
    """Loads everything, then forks a child for each order."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    with tempfile.TemporaryDirectory() as folder:
        world(Path(folder), annotations=GATE).ticks(1)
    print("ready", flush=True)
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            run(Order(**json.loads(line)))
            os._exit(0)
        print(child, flush=True)


if __name__ == "__main__":
    main()
