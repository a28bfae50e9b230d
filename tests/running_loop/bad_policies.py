"""Policies that are bad on purpose, and how soon each of the watchers finds it out.

`python -m tests.running_loop.bad_policies_table` prints the table.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import cache
from unittest import mock

import numpy as np

from components.artifacts.bundle import Bundle, publish
from components.artifacts.channel import move_channel
from components.cluster.compiled import FloatArray
from components.recommender.decisions import Controllers
from components.recommender.phase_state import CANARY, LIVE, SHADOW, PhaseState
from components.recommender.phase_store import PhaseRecord, load_record, save_record
from components.recommender.settings import RecommenderSettings
from tests.components.recommender.recommending import GATE, MI, bundle
from tests.recorder.rates import RateShape, rate_series
from tests.running_loop.loop import Loop, new_loop

PHASES = (SHADOW, CANARY, LIVE)
# A service whose memory moves with its load: too little CPU ends in OOM kills.
SERVICE = {"memory_per_request_bytes": 5e6}
SHAPE = RateShape(60.0, daily=0.35, bursts_per_hour=8, burst_height=0.9)
REFERENCE_MINUTES = 260
Wave = Callable[[int], tuple[float, float, float]]


@dataclass(frozen=True, slots=True)
class BadPolicy:
    """A rule's parameters, or for each minute what is proposed (replicas, millicores, bytes)."""

    name: str
    rule: Mapping[str, float] = field(default_factory=dict)
    wave: Wave | None = None


@dataclass(frozen=True, slots=True)
class Trial:
    """What came of a policy in a phase.

    `seconds` until the incumbent acted (or would have gone on to act) again, None where it was
    never sent back; the requests of that time, and those in steps that broke the objective.
    """

    reason: str
    seconds: float | None
    requests: float
    violated: float
    oom_kills: float


def _wave(minute: int) -> tuple[float, float, float]:
    """Six minutes large, six minutes small: slower than the guard's window."""
    return (5.0, 800.0, 200.0 * MI) if minute // 6 % 2 else (2.0, 300.0, 64.0 * MI)


_STARVING = {
    "target_utilisation": 0.95,
    "peak_weight": 0.0,
    "trend_horizon_s": 0.0,
    "reference_cpu_share": 0.0,
    "cpu_band": 1.5,
    "scale_up_tolerance": 0.6,
    "scale_down_tolerance": 0.0,
    "scale_down_wait_min": 0.0,
    "saturation_boost": 1.0,
    "slack_target": -0.2,
    "slack_gain": 0.0,
    "burst_reserve": 0.0,
}
_FORGETTING = {
    "memory_margin": 0.01,
    "memory_variability_weight": 0.0,
    "memory_half_life_min": 1.0,
    "memory_dead_band": 0.01,
    "memory_floor_share": 0.0,
    "oom_bump": 1.1,
}
# Its bursts meet few replicas, whatever their latency says.
_CARELESS = {"target_utilisation": 0.6, "peak_weight": 0.0, "slack_gain": 0.0}
BAD: tuple[BadPolicy, ...] = (
    BadPolicy("shrinks memory", _FORGETTING | _CARELESS),
    BadPolicy("starves CPU", _STARVING),
    BadPolicy("flaps", wave=_wave),
)


def course() -> FloatArray:
    """Request rates, one for each step of 15 s, of three hours: a day in 24 minutes, and bursts."""
    return rate_series(SHAPE, np.random.default_rng(4)).reshape(-1, 15).mean(axis=1)


@cache
def incumbents_record() -> PhaseRecord:
    """What the incumbent achieved under the course, as the recommender itself notes it."""
    loop = _loop()
    digest = publish(loop.store, _bundle({}))
    move_channel(loop.store, "shop", "checkout", digest, SHADOW)
    loop.minutes(REFERENCE_MINUTES)
    return load_record(loop.store, "shop", "checkout")


def trial(policy: BadPolicy, phase: str, most_minutes: int) -> Trial:
    """Puts a policy into a phase, the gate forced open, and waits until it is sent back."""
    loop = _loop()
    digest = publish(loop.store, _bundle(policy.rule))
    move_channel(loop.store, "shop", "checkout", digest, phase)
    state = PhaseState(phase=phase, digest=digest, reason="ByTest", message="put there by a test")
    known = incumbents_record()
    record = PhaseRecord(state=state, violations=known.violations, oom_kills=known.oom_kills)
    save_record(loop.store, "shop", "checkout", record)
    loop.minutes(1)
    started_s, before = loop.now_s, (loop.service.requests, loop.service.violated)
    kills = loop.service.oom_kills
    with ExitStack() as patched:
        if policy.wave is not None:
            patched.enter_context(_proposing(loop, policy.wave))
        for _ in range(most_minutes):
            loop.minutes(1)
            if loop.told("PolicyActing").reason == "INCUMBENT":
                break
    told = loop.told("PolicyActing")
    back = told.reason == "INCUMBENT"
    return Trial(
        told.message.partition(":")[0] if back else told.reason,
        loop.now_s - started_s if back else None,
        loop.service.requests - before[0],
        loop.service.violated - before[1],
        loop.service.oom_kills - kills,
    )


def _bundle(rule: Mapping[str, float]) -> Bundle:
    """A policy with a true twin: what shadow can see is what its twin knows."""
    made = bundle(**rule)
    made.manifest["twin"]["members"][0].update(SERVICE)
    return made


def _loop() -> Loop:
    loop = new_loop(RecommenderSettings(save_every=1), GATE, 60.0, "250Mi", **SERVICE)
    loop.course = course()
    return loop


def _proposing(loop: Loop, wave: Wave):
    real = Controllers.propose
    start_s = loop.now_s

    def waving(self: Controllers, *given: object, **named: object) -> object:
        proposals = real(self, *given, **named)  # type: ignore[arg-type]
        proposals.policy[:] = wave(int(loop.now_s - start_s) // 60)
        return proposals

    return mock.patch.object(Controllers, "propose", waving)
