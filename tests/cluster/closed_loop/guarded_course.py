"""The whole product in a loop with the twin: what the real course is, with a simulated service."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np

from components.actuator.settings import ActuatorSettings
from components.actuator.tick import Actuator
from components.artifacts.local import LocalStore
from components.cluster.compiled import FloatArray
from components.cluster.reward import INTERVAL_STEPS
from components.cluster.sample import STEP_S
from components.kubernetes_api.autoscaler import ALL_AUTOSCALERS, autoscaler_of
from components.kubernetes_api.conditions import TRUE, Condition, condition
from components.kubernetes_api.names import POLICY_ACTING
from components.recommender.exposition import Figures
from components.recommender.settings import RecommenderSettings
from components.recommender.tick import Recommender
from tests.cluster.closed_loop import objects
from tests.cluster.closed_loop.arms import OURS, Contest
from tests.cluster.closed_loop.figures import figures_of
from tests.components.recommender.recommending import CAPABILITIES
from tests.running_loop.loop import START_S
from tests.running_loop.memory_cluster import MemoryCluster
from tests.running_loop.simulated_service import MeasuredService, SimulatedService, allocation_of

_LEAD_IN_STEPS = 5


def guarded_course(
    contest: Contest, parameters: FloatArray, rates_per_s: FloatArray, noise: FloatArray
) -> dict[str, float]:
    """EPISODE_FIELDS of the policy, live, under rates [T] and chance [T, N], a step of 15 s each.

    parameters: of one member [P]. A lead-in at the first rate comes before, as on the real service.
    """
    with tempfile.TemporaryDirectory() as folder:
        return _played(contest.begun_anew(Path(folder)), parameters, rates_per_s, noise)


def _played(
    contest: Contest,
    parameters: FloatArray,
    rates_per_s: FloatArray,
    noise: FloatArray,
) -> dict[str, float]:
    cluster, workload = MemoryCluster(), contest.workload
    start, now_s = contest.allocation(OURS), START_S
    objects.let_live(contest)
    for path, document in objects.all_of(contest, OURS).items():
        cluster.put_object(path, document)
    cluster.settle()
    service = SimulatedService(workload, parameters, start, float(rates_per_s[0]))
    for _ in range(_LEAD_IN_STEPS):
        now_s += STEP_S
        service.advance(start, now_s)
    service.noise = noise
    recommender = Recommender(
        client=cluster,  # type: ignore[arg-type]
        capabilities=CAPABILITIES,
        telemetry=MeasuredService(service),
        store=LocalStore(contest.store),
        settings=RecommenderSettings(),
        figures=Figures(),
        wall_clock=lambda: now_s,
    )
    actuator = Actuator(
        client=cluster,  # type: ignore[arg-type]
        capabilities=CAPABILITIES,
        settings=ActuatorSettings(pass_wait_s=0.0, workers=1),
        recommender_alive=lambda: True,
        wall_clock=lambda: now_s,
        clock=lambda: now_s,
        sleep=lambda _: cluster.settle(),
    )
    for step, rate in enumerate(rates_per_s):
        if step % INTERVAL_STEPS == 0:
            recommender.tick()
        cluster.settle()
        actuator.tick()
        cluster.settle()
        now_s += STEP_S
        service.rate_per_s = float(rate)
        pods = cluster.pods_of(workload.namespace)
        service.advance(allocation_of(pods, workload.container), now_s)
    acting = condition(_conditions(cluster), POLICY_ACTING)
    assert acting is not None
    assert acting.status == TRUE, f"the policy didn't act: {acting.message}"
    return figures_of(np.array(service.rows[_LEAD_IN_STEPS:]), workload)


def _conditions(cluster: MemoryCluster) -> tuple[Condition, ...]:
    """The conditions of the only MultidimPodAutoscaler."""
    return autoscaler_of(cluster.list(ALL_AUTOSCALERS)[0]).conditions
