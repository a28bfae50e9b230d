"""One arm under one course of rates: everything real is started, watched and removed."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from components.cluster.compiled import FloatArray
from components.kubernetes_api.autoscaler import MultidimPodAutoscaler, autoscaler_of
from components.kubernetes_api.conditions import condition
from tests.cluster.api_server import REPOSITORY, Cluster
from tests.cluster.closed_loop import objects
from tests.cluster.closed_loop.arms import OURS, Contest
from tests.cluster.closed_loop.figures import Requests, measured_figures, measured_frame
from tests.cluster.closed_loop.node_agent import NodeAgent
from tests.cluster.closed_loop.plain_autoscaler import PlainAutoscaler
from tests.cluster.closed_loop.precedence import keep_precedence
from tests.recorder.events import note
from tests.recorder.exporter import Exporter
from tests.recorder.load import Ingress
from tests.recorder.pod import Node, free_port
from tests.recorder.prometheus import SCRAPE_S, Prometheus
from tests.recorder.services import Service

LEAD_IN_S = 75
_READY_WITHIN_S = 90.0
_ACTUATOR_TICK_S = 5


@dataclass(frozen=True, slots=True)
class Rig:
    """What all courses of an arm share; the others have API servers of their own."""

    cluster: Cluster
    image: str
    work: Path
    work_id: str
    service: Service
    contest: Contest
    say: Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Measured:
    """EPISODE_FIELDS, the requests, and how busy the machine was (1-minute load, start and end)."""

    figures: dict[str, float]
    requests: Requests
    load: tuple[float, float]
    last_word: str


async def play(rig: Rig, arm: str, rates_per_s: FloatArray, name: str) -> Measured:
    """Plays an arm under the rates [T], one a second, after a lead-in at the first of them."""
    folder = rig.work / f"{name}-{arm}"
    folder.mkdir(parents=True, exist_ok=True)
    node = Node(rig.image, rig.work_id, partial(note, folder))
    agent = NodeAgent(
        rig.cluster.client, rig.contest.workload.namespace, rig.service, node, rig.say
    )
    # The recorder's ingress and exporter look at a Deployment; the agent's has what they read.
    ingress = Ingress(agent.deployment, random.Random(name))  # type: ignore[arg-type]
    exporter = Exporter([ingress])
    preferred = asyncio.create_task(
        keep_precedence(lambda: [pod.container for pod in agent.deployment.pods])
    )
    prometheus = Prometheus(folder, await exporter.start())
    await asyncio.to_thread(prometheus.start)
    await asyncio.to_thread(objects.put, rig.cluster, rig.contest, arm)
    running = asyncio.create_task(agent.run())
    try:
        return await _course(rig, arm, rates_per_s, agent, ingress, prometheus, folder)
    finally:
        running.cancel()
        preferred.cancel()
        await asyncio.gather(running, preferred, return_exceptions=True)
        await asyncio.to_thread(objects.take_away, rig.cluster, rig.contest)
        with suppress(Exception):
            await agent.sync()
        await agent.remove()
        exporter.stop()
        await asyncio.to_thread(prometheus.stop)


async def _course(
    rig: Rig,
    arm: str,
    rates_per_s: FloatArray,
    agent: NodeAgent,
    ingress: Ingress,
    prometheus: Prometheus,
    folder: Path,
) -> Measured:
    await _until_ready(agent)
    latency_ms = rig.contest.workload.slo.latency_ms
    rates = np.concatenate([np.full(LEAD_IN_S, rates_per_s[0]), rates_per_s])
    load = asyncio.create_task(ingress.load(rates, time.monotonic()))
    await asyncio.sleep(LEAD_IN_S)
    before = Requests.of(ingress, latency_ms)
    start_s, busy = time.time(), os.getloadavg()[0]
    with ExitStack() as stack:
        path = await asyncio.to_thread(objects.turn_on, rig.cluster, rig.contest, arm)
        stack.enter_context(controlling(rig, arm, path, prometheus.url, folder))
        await load
        end_s = time.time()
        last = autoscaler_of(await asyncio.to_thread(rig.cluster.client.get, path))
    await asyncio.sleep(SCRAPE_S + 1)
    frame = await asyncio.to_thread(
        measured_frame, prometheus.url, rig.contest.workload, start_s, end_s
    )
    frame.to_parquet(folder / "telemetry.parquet")
    return Measured(
        measured_figures(frame, rig.contest.workload),
        Requests.of(ingress, latency_ms).since(before),
        (busy, os.getloadavg()[0]),
        _last_word(last),
    )


async def _until_ready(agent: NodeAgent) -> None:
    until_s = time.monotonic() + _READY_WITHIN_S
    while not agent.deployment.wanted or len(agent.deployment.ready) < agent.deployment.wanted:
        assert time.monotonic() < until_s, "the service didn't become ready"
        await asyncio.sleep(0.5)


@contextmanager
def controlling(rig: Rig, arm: str, path: str, url: str, folder: Path) -> Iterator[None]:
    """The arm's controller and the actuator, until the end of the block."""
    namespace = rig.contest.workload.namespace
    common = [f"--kubeconfig={rig.cluster.kubeconfig}", f"--namespace={namespace}"]
    actuator = ["components.actuator.main", *common, f"--tick-seconds={_ACTUATOR_TICK_S}"]
    with ExitStack() as stack:
        stack.enter_context(process(actuator, folder / "actuator.log"))
        if arm == OURS:
            contest = rig.contest.begun_anew(folder / "store")
            objects.let_live(contest)
            recommender = [
                "components.recommender.main",
                *common,
                f"--prometheus={url}",
                f"--store={contest.store}",
                f"--listen=127.0.0.1:{free_port()}",
            ]
            stack.enter_context(process(recommender, folder / "recommender.log"))
        else:
            mine = autoscaler_of(rig.cluster.client.get(path))
            stack.enter_context(plain(rig, arm, mine, url))
        yield


@contextmanager
def process(arguments: list[str], log: Path) -> Iterator[None]:
    """One of the product's programs."""
    with log.open("ab") as output:
        started = subprocess.Popen(
            [sys.executable, "-m", *arguments],
            cwd=REPOSITORY,
            env=os.environ | {"NUMBA_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"},
            stdout=output,
            stderr=output,
        )
    try:
        yield
        assert started.poll() is None, f"{arguments[0]} ended by itself: see {log}"
    finally:
        started.send_signal(signal.SIGTERM)
        try:
            started.wait(30)
        except subprocess.TimeoutExpired:
            started.kill()
            started.wait()


@contextmanager
def plain(rig: Rig, arm: str, mine: MultidimPodAutoscaler, url: str) -> Iterator[None]:
    """HPA and VPA as a thread."""
    autoscaler = PlainAutoscaler(
        rig.cluster,
        url,
        rig.contest.workload,
        rig.contest.incumbents[arm],
        mine,
    )
    stop = threading.Event()
    thread = threading.Thread(target=autoscaler.run, args=(stop,))
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
    for message in autoscaler.failed:
        rig.say(f"  {arm}: {message}")


def _last_word(mine: MultidimPodAutoscaler) -> str:
    told = condition(mine.conditions, "RecommendationProvided")
    able = condition(mine.conditions, "AbleToScale")
    words = [f"{item.reason}: {item.message}" for item in (told, able) if item is not None]
    return "; ".join(words)
