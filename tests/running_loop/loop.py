"""Recommender and actuator in a closed loop with a simulated service, minute by minute."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from components.actuator.settings import ActuatorSettings
from components.actuator.tick import COMPONENT as ACTUATOR
from components.actuator.tick import Actuator
from components.cluster.compiled import FloatArray
from components.cluster.parameters import PARAMETER_NAMES
from components.errors import TemporaryError, UserError
from components.kubernetes_api.autoscaler import MultidimPodAutoscaler, autoscaler_of
from components.kubernetes_api.conditions import Condition, condition
from components.kubernetes_api.leases import LeaseHolder, LeaseWatch
from components.kubernetes_api.names import IN_STEP_LABEL
from components.recommender.exposition import Figures
from components.recommender.settings import RecommenderSettings
from components.recommender.tick import COMPONENT as RECOMMENDER
from components.recommender.tick import Recommender
from components.workload.quantities import parse_memory
from components.workload.spec import Bounds, MetricSource, Slo, Workload
from tests.components.recommender.recommending import (
    CAPABILITIES,
    bundle,
    mpa,
    mpa_path,
)
from tests.running_loop.memory_cluster import MemoryCluster
from tests.running_loop.memory_store import HookedStore
from tests.running_loop.simulated_service import MeasuredService, SimulatedService, allocation_of

START_S = 1_700_000_100.0
SYSTEM = "aware-system"
MI = 2**20
DEPLOYMENT = "/apis/apps/v1/namespaces/shop/deployments/checkout"
CONTAINER = "app"
_log = logging.getLogger(__name__)

WORKLOAD = Workload(
    "shop",
    "checkout",
    "Deployment",
    CONTAINER,
    Slo(0.95, 100.0),
    Bounds(1, 6, 50, 1000, 32 * MI, 1024 * MI),
    MetricSource("promql"),
)


class Killed(BaseException):
    """The process is gone: nothing in it may catch this."""


@dataclass
class Process:
    """One of the two services: `once` is a turn of its loop, `start` a new process."""

    start: Callable[[], Callable[[], None]]
    restarts: int = 0

    def __post_init__(self) -> None:
        self._once = self.start()

    def turn(self) -> None:
        """One turn; what fails is told and tried again, and who was killed starts anew."""
        try:
            self._once()
        except (TemporaryError, UserError) as error:
            _log.warning("%s", error)
        except Killed:
            self.restart()

    def restart(self) -> None:
        """A new process: what was only in memory is gone."""
        self.restarts += 1
        self._once = self.start()


@dataclass
class Loop:
    """`skew_s` is added to the processes' wall clocks; their monotonic clock is never wrong.

    `course`: request rates of the steps, again and again; without it the service's rate stays.
    """

    cluster: MemoryCluster
    store: HookedStore
    service: SimulatedService
    settings: RecommenderSettings
    now_s: float = START_S
    skew_s: float = 0.0
    course: FloatArray | None = None
    steps: int = 0
    least_seen: FloatArray = field(default_factory=lambda: np.full(3, np.inf))
    recommenders: list[Process] = field(init=False)
    actuators: list[Process] = field(init=False)

    def __post_init__(self) -> None:
        self.telemetry = MeasuredService(self.service)
        self.recommenders = [Process(lambda: self.new_recommender("recommender-a"))]
        self.actuators = [Process(lambda: self.new_actuator("actuator-a"))]
        self.cluster.settle()

    def new_recommender(self, identity: str) -> Callable[[], None]:
        """A recommender's loop, as its program turns it."""
        lease = self._lease(RECOMMENDER, identity)
        recommender: Recommender | None = None

        def once() -> None:
            nonlocal recommender
            if not lease.hold():
                recommender = None
                return
            if recommender is None:
                recommender = Recommender(
                    client=self.cluster,  # type: ignore[arg-type]
                    capabilities=CAPABILITIES,
                    telemetry=self.telemetry,
                    store=self.store,
                    settings=self.settings,
                    figures=Figures(),
                    wall_clock=lambda: self.now_s + self.skew_s,
                )
            recommender.tick()
            self.recommender = recommender

        return once

    def new_actuator(self, identity: str) -> Callable[[], None]:
        """An actuator's loop, as its program turns it."""
        lease = self._lease(ACTUATOR, identity)
        watch = LeaseWatch(self.cluster, SYSTEM, RECOMMENDER, lambda: self.now_s)  # type: ignore[arg-type]
        actuator = Actuator(
            client=self.cluster,  # type: ignore[arg-type]
            capabilities=CAPABILITIES,
            settings=ActuatorSettings(pass_wait_s=0.0, workers=1),
            recommender_alive=watch.alive,
            wall_clock=lambda: self.now_s + self.skew_s,
            clock=lambda: self.now_s,
            sleep=lambda _: self.cluster.settle(),
        )

        def once() -> None:
            if lease.hold():
                actuator.tick()

        return once

    def minutes(self, count: int) -> None:
        """So many minutes: four steps of the service, after each the actuator; then a decision."""
        for _ in range(count):
            for process in self.recommenders:
                process.turn()
            for _ in range(4):
                self.cluster.settle()
                for process in self.actuators:
                    process.turn()
                self.cluster.settle()
                self.now_s += 15.0
                if self.course is not None:
                    self.service.rate_per_s = float(self.course[self.steps % len(self.course)])
                self.steps += 1
                self.service.advance(self.allocation(), self.now_s)
                self.least_seen = np.minimum(self.least_seen, self.allocation())

    def allocation(self) -> FloatArray:
        """Pods and their smallest size [3]."""
        return allocation_of(self.cluster.pods_of("shop"), CONTAINER)

    def mpa(self) -> MultidimPodAutoscaler:
        """The object as it stands on the server."""
        return autoscaler_of(self.cluster.objects[mpa_path("checkout")])

    def told(self, type_: str) -> Condition:
        """A condition of the object."""
        found = condition(self.mpa().conditions, type_)
        assert found is not None, f"the object has no condition {type_}"
        return found

    def at_rest(self) -> bool:
        """Whether nothing is left half done: no pause or label, template and ReplicaSet in step."""
        document = self.cluster.objects[DEPLOYMENT]
        labels = document["metadata"].get("labels", {})
        return not document["spec"].get("paused") and IN_STEP_LABEL not in labels

    def _lease(self, name: str, identity: str) -> LeaseHolder:
        return LeaseHolder(
            self.cluster,  # type: ignore[arg-type]
            SYSTEM,
            name,
            identity,
            60,
            lambda: self.now_s,
        )


def deployment(replicas: int, cpu: str, memory: str) -> dict:
    """A Deployment whose limits are its requests."""
    size = {"cpu": cpu, "memory": memory}
    container = {"name": CONTAINER, "resources": {"requests": size, "limits": size}}
    return {
        "metadata": {"namespace": "shop", "name": "checkout"},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {"app": "checkout"}},
            "template": {
                "metadata": {"labels": {"app": "checkout"}},
                "spec": {"containers": [container]},
            },
        },
    }


def new_loop(
    settings: RecommenderSettings,
    annotations: dict[str, str],
    rate_per_s: float = 50.0,
    memory: str = "46Mi",
    **service_parameters: float,
) -> Loop:
    """Two replicas of 400 m: what the default policy gives a load of 50 requests/s.

    The service is the twin that its policies are made with, but for `service_parameters`.
    """
    cluster = MemoryCluster()
    cluster.put_object(DEPLOYMENT, deployment(2, "400m", memory))
    cluster.put_object(mpa_path("checkout"), mpa("checkout", annotations))
    member = bundle().manifest["twin"]["members"][0] | service_parameters
    parameters = np.array([member[name] for name in PARAMETER_NAMES])
    start = np.array([2.0, 400.0, float(parse_memory(memory))])
    service = SimulatedService(WORKLOAD, parameters, start, rate_per_s)
    for back in range(20, 0, -1):
        service.advance(start, START_S - 15.0 * (back - 1))
    return Loop(cluster, HookedStore(), service, settings)
