"""Actuators in processes of their own that die by SIGKILL at a stated write.

`python -m tests.cluster.dying_actuator` reads orders, a line of JSON each, and answers each with
the process number of the child that carries it out, forked. A child leaves a line for each write
and for the end of each tick in its log.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from pathlib import Path

from components.actuator.tick import Actuator
from components.kubernetes_api.capabilities import discover
from components.kubernetes_api.client import connect
from tests.cluster.acting import SETTINGS
from tests.cluster.dying_recommender import Fate, MortalClient, Order

TICK = "tick "


def run(order: Order) -> None:
    """So many ticks of the actuator, of which only one namespace is looked at here."""
    fate = Fate(order)
    # Its writes are told by their whole paths.
    client = MortalClient(connect(Path(order.kubeconfig)), fate, lambda _, path: path)
    actuator = Actuator(client, discover(client.real), SETTINGS, lambda: True)  # type: ignore[arg-type]
    for _ in range(order.ticks):
        plan = actuator.tick().get(f"{order.namespace}/checkout")
        fate.note(f"{TICK}{plan.reason if plan else None}")
        time.sleep(order.pause_s)


def main() -> None:
    """Loads everything, then forks a child for each order."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    print("ready", flush=True)
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            run(Order(**json.loads(line)))
            os._exit(0)
        print(child, flush=True)


if __name__ == "__main__":
    main()
