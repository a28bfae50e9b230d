"""Faults of everything around the recommender, one at a time: nothing shrinks, nothing is lost.

Each kind is injected into a loop whose workload a live policy scales; then the fault goes away and
the loop must decide again by itself.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from components.errors import TemporaryError, UserError
from components.kubernetes_api.errors import AbsentError, BusyError, ConflictError, RefusedError
from components.recommender.phase_settings import PhaseSettings
from components.recommender.settings import RecommenderSettings
from tests.components.recommender.recommending import (
    GATE,
    LOAD,
    MemoryStore,
    World,
    frame_of,
    let_in,
    world,
)

SETTINGS = RecommenderSettings(
    save_every=1,
    phases=PhaseSettings(
        shadow_intervals=2, canary_intervals=2, shortest_reference=2, benefit_needed=0.01
    ),
)
# Three rejections in a row of the whole cluster's reading would end in an exception for each.
TIMES = 3

Fault = Callable[[World], None]


def telemetry_fails(error: Exception) -> Fault:
    def inject(made: World) -> None:
        made.telemetry.error = error

    return inject


def telemetry_reads(**values: float) -> Fault:
    def inject(made: World) -> None:
        made.telemetry.rows["shop/checkout"] = LOAD | values

    return inject


def telemetry_frames(make: Callable[[float], pd.DataFrame | None]) -> Fault:
    def inject(made: World) -> None:
        frame = make(made.now_s)
        made.telemetry.frames = {} if frame is None else {"shop/checkout": frame}

    return inject


def api_fails(part: str, error: Exception) -> Fault:
    def inject(made: World) -> None:
        made.api.errors[part] = [error] * TIMES

    return inject


def store_fails(part: str, error: Exception) -> Fault:
    def inject(made: World) -> None:
        memory(made).errors[part] = [error] * 20

    return inject


def stale_by(age_s: float) -> Fault:
    def inject(made: World) -> None:
        made.telemetry.age_s = age_s

    return inject


def memory(made: World) -> MemoryStore:
    assert isinstance(made.store, MemoryStore)
    return made.store


def truncated_bundle(made: World) -> None:
    move_to_damaged(made, lambda data: data[:-20])


def altered_bundle(made: World) -> None:
    move_to_damaged(made, lambda data: data.replace(b"0.27", b"0.97"))


def move_to_damaged(made: World, damage: Callable[[bytes], bytes]) -> None:
    digest = let_in(made.store, peak_weight=0.5)
    key = f"policies/{digest}/bundle.json"
    memory(made).contents[key] = damage(memory(made).contents[key])


def channel_of_nonsense(made: World) -> None:
    memory(made).contents["channels/shop/checkout.json"] = b"{"


def lost_conditional_put(made: World) -> None:
    memory(made).lost = 2


def policy_of_nan(made: World) -> None:
    loaded = made.recommender.policies.loaded_one("shop/checkout")
    assert loaded is not None
    loaded.rule[1:] = np.nan


def clock_jumps(by_s: float) -> Fault:
    def inject(made: World) -> None:
        made.now_s += by_s

    return inject


def killed(made: World) -> None:
    made.restart()


NAN = float("nan")
FAULTS: dict[str, Fault] = {
    "telemetry down": telemetry_fails(TemporaryError("no answer")),
    "telemetry refuses": telemetry_fails(UserError("401")),
    "telemetry empty": telemetry_frames(lambda _: None),
    "telemetry without rows": telemetry_frames(lambda now: frame_of(LOAD, now, steps=0)),
    "telemetry without a column": telemetry_frames(
        lambda now: frame_of(LOAD, now).drop(columns="cpu_usage_m")
    ),
    "telemetry stale": stale_by(90.0),
    "telemetry very stale": stale_by(3600.0),
    "telemetry from the future": stale_by(-600.0),
    "CPU NaN": telemetry_reads(cpu_usage_m=NAN),
    "memory NaN": telemetry_reads(memory_working_set_bytes=NAN),
    "replicas NaN": telemetry_reads(replicas_ready=NAN),
    "rate NaN": telemetry_reads(request_rate_per_s=NAN),
    "CPU infinite": telemetry_reads(cpu_usage_m=float("inf")),
    "CPU huge": telemetry_reads(cpu_usage_m=1e19),
    "memory huge": telemetry_reads(memory_working_set_bytes=1e19),
    "CPU negative": telemetry_reads(cpu_usage_m=-5.0),
    "rate unlike all training": telemetry_reads(request_rate_per_s=0.01),
    "API 401 on list": api_fails("multidimpodautoscalers", RefusedError("401", 401)),
    "API 403 on list": api_fails("multidimpodautoscalers", RefusedError("403", 403)),
    "API 500 on workloads": api_fails("deployments", TemporaryError("500")),
    "API 429 on owners": api_fails("horizontalpodautoscalers", BusyError("429")),
    "API 403 on status": api_fails("/status", RefusedError("403", 403)),
    "API 409 on status": api_fails("/status", ConflictError("409")),
    "API 404 on status": api_fails("/status", AbsentError("404")),
    "API 422 on status": api_fails("/status", RefusedError("422", 422)),
    "API 500 on status": api_fails("/status", TemporaryError("500")),
    "store down": store_fails("", TemporaryError("no answer")),
    "store refuses": store_fails("", UserError("403")),
    "store refuses phases": store_fails("phases/", UserError("403")),
    "store: a channel of nonsense": channel_of_nonsense,
    "store: truncated bundle": truncated_bundle,
    "store: wrong digest": altered_bundle,
    "store: conditional put lost": lost_conditional_put,
    "policy of NaN": policy_of_nan,
    "clock an hour ahead": clock_jumps(3600.0),
    "clock an hour back": clock_jumps(-3600.0),
    "killed": killed,
}


def live_world(folder: Path) -> World:
    made = world(folder, settings=SETTINGS, annotations=GATE)
    made.store = MemoryStore()
    made.restart()
    let_in(made.store)
    made.telemetry.rows["shop/checkout"] = LOAD | {"request_rate_per_s": 100.0, "cpu_usage_m": 380}
    made.ticks(10, apply=True)
    assert made.told("PolicyActing").reason == "LIVE"
    return made


@pytest.mark.parametrize("kind", FAULTS)
def test_nothing_shrinks_on_a_fault_and_it_recovers_without_a_hand(
    tmp_path: Path, kind: str
) -> None:
    made = live_world(tmp_path)
    before = made.sizes()
    made.telemetry.rows["shop/checkout"] = LOAD | {"cpu_usage_m": 390.0}
    FAULTS[kind](made)

    for _ in range(TIMES):
        try:
            made.recommender.tick()
        except (TemporaryError, UserError):
            assert kind.startswith("API"), "only a cluster that can't be read ends a tick"
        made.now_s += 60.0
        check_sizes(made, kind, before)

    made.telemetry.error = made.telemetry.frames = None
    made.telemetry.age_s = 15.0
    made.telemetry.rows["shop/checkout"] = LOAD | {"cpu_usage_m": 390.0}
    made.api.errors.clear()
    memory(made).errors.clear()
    made.ticks(2, apply=True)
    provided = made.told("RecommendationProvided")
    assert provided.reason in ("PolicyDecided", "IncumbentDecided")


def check_sizes(made: World, kind: str, before: tuple[int, int, int]) -> None:
    replicas, cpu_m, memory_bytes = made.sizes()
    if kind.startswith(("API", "store")):
        # Telemetry is true: what is decided on it must still leave room for what is in use.
        assert replicas * cpu_m >= 1.1 * 390
        assert memory_bytes >= 1.15 * LOAD["memory_working_set_bytes"]
    else:
        assert all(new >= old for new, old in zip(made.sizes(), before, strict=True))


def test_so_many_kinds_of_faults_are_injected() -> None:
    assert len(FAULTS) == 37
