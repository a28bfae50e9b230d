"""What must hold while a fault lasts and after it, for any loop and any faults."""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from contextlib import ExitStack

import numpy as np
import pytest

from components.cluster import limits as lim
from components.cluster import sample as smp
from components.kubernetes_api.conditions import TRUE
from components.recommender.phase_settings import PhaseSettings
from components.recommender.settings import RecommenderSettings
from tests.components.recommender.recommending import GATE, let_in
from tests.running_loop.fault import LOG, Fault
from tests.running_loop.loop import Loop, new_loop

SETTINGS = RecommenderSettings(
    save_every=1,
    phases=PhaseSettings(
        shadow_intervals=2, canary_intervals=2, shortest_reference=2, benefit_needed=0.01
    ),
)
# Without the VPA's usual 250 Mi, from which the policy would still be coming down.
INCUMBENT = {"aware.autoscaling/incumbent": json.dumps({"memory_floor_bytes": 0.0})}
# A policy that takes over begins with more than it needs, and has come down after 14.
_WARM_UP_MINUTES = 16
_FAULT_MINUTES = 4
# Circuits that a fault opened close again by themselves, the longest of these after 20 minutes.
_RECOVERY_MINUTES = 30
_RATE, _LESS, _MORE = 50.0, 15.0, 170.0


def live_loop() -> Loop:
    """A loop in which a policy acts and everything is calm."""
    loop = new_loop(SETTINGS, GATE | INCUMBENT, _RATE)
    let_in(loop.store)
    loop.minutes(_WARM_UP_MINUTES)
    assert loop.told("PolicyActing").reason == "LIVE"
    return loop


def check(loop: Loop, faults: Sequence[Fault], caplog: pytest.LogCaptureFixture) -> None:
    """Injects the faults at once, ends them, and checks the promises.

    Who doesn't see the truth must not shrink: the load falls meanwhile, so that one who trusted
    what it can't know would. Else the load grows, and what is in use must be left.
    """
    caplog.set_level(logging.WARNING)
    blind = any(fault.blind for fault in faults)
    before = loop.allocation()
    loop.service.rate_per_s = _LESS if blind else _MORE
    loop.least_seen = before
    caplog.clear()
    reasons: set[str] = set()
    with ExitStack() as faulty:
        for fault in faults:
            faulty.callback(fault.inject(loop))
        for _ in range(_FAULT_MINUTES):
            loop.minutes(1)
            reasons |= {item.reason for item in loop.mpa().conditions}
    _nothing_is_taken(loop, before, blind)
    reasons |= {LOG} if caplog.records else set()
    # Of two faults one may hide the other: who can't write a status can't say there what is wrong.
    told = [not fault.tells or bool(reasons & set(fault.tells)) for fault in faults]
    assert any(told), f"not told: {sorted(reasons)}"
    _recovers(loop)


def _nothing_is_taken(loop: Loop, before: np.ndarray, blind: bool) -> None:
    least = loop.least_seen
    if blind:
        assert (least >= before).all(), f"shrank from {before} to {least} without knowing"
        return
    used = max(row[smp.EXACT_MEMORY_BYTES] for row in loop.service.rows[-4:])
    assert least[lim.MEMORY_BYTES] >= used
    assert least[lim.REPLICAS] * least[lim.CPU_M] >= before[lim.REPLICAS] * before[lim.CPU_M]


def _recovers(loop: Loop) -> None:
    """Decides, acts and is at rest again without a hand, with what the load needs."""
    loop.service.rate_per_s = _MORE
    for minute in range(_RECOVERY_MINUTES):
        loop.minutes(1)
        if minute > 1 and _well(loop):
            break
    provided, able = loop.told("RecommendationProvided"), loop.told("AbleToScale")
    assert provided.reason in ("PolicyDecided", "IncumbentDecided"), provided
    assert able.status == TRUE, able
    assert loop.at_rest(), "a Deployment was left half in step"
    replicas, cpu_m, _ = loop.allocation()
    assert replicas * cpu_m >= loop.service.rows[-1][smp.EXACT_CPU_USAGE_M]
    for key, data in loop.store.contents.items():
        if key.endswith(".json"):
            json.loads(data)


def _well(loop: Loop) -> bool:
    provided, able = loop.told("RecommendationProvided"), loop.told("AbleToScale")
    decided = provided.reason in ("PolicyDecided", "IncumbentDecided")
    return decided and able.reason == "Applied" and loop.at_rest()
