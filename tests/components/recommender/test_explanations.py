"""Why a recommendation is what it is: features by what they moved, and what is expected of it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client import generate_latest

from components.cluster import limits as lim
from components.policy.rule import (
    DEMAND_MS,
    DOWN_WAIT_MIN,
    MEMORY_LATEST,
    MEMORY_PEAK,
    OOM_FLOOR,
    RATE,
    RATE_PEAK,
    RULE_STATE_COUNT,
    SATURATED,
    SEEN,
    SLACK_BOOST,
    TREND,
    act_one,
)
from components.policy.rule_parameters import default_rule
from components.recommender.explaining_rule import RULE_FEATURES, rule_effects
from components.recommender.explanation import Explanation
from components.recommender.explanation_figures import ExplanationFigures
from components.recommender.phase_settings import PhaseSettings
from components.recommender.settings import RecommenderSettings
from tests.components.recommender.recommending import GATE, LOAD, MI, World, let_in, world

QUICK = RecommenderSettings(
    phases=PhaseSettings(
        shadow_intervals=2, canary_intervals=2, shortest_reference=2, benefit_needed=0.01
    ),
)


def explanation_of(made: World) -> Explanation:
    """Of what the next tick recommends."""
    recommender = made.recommender
    reading = recommender.reader.read(recommender.client, recommender.capabilities)
    (item,) = recommender.explain(recommender.decide(reading, made.now_s))
    assert item.explanation is not None
    return item.explanation


def test_the_incumbent_is_explained_by_its_own_terms(tmp_path: Path) -> None:
    made = world(tmp_path)
    made.telemetry.rows["shop/checkout"] = LOAD | {"cpu_usage_m": 600.0}

    explanation = explanation_of(made)

    # 600 m over 2 x 200 m: 150 % where 70 % is aimed at asks for 5 of 2. The VPA's least is 250 Mi.
    memory, cpu = explanation.effects
    assert (cpu.feature, cpu.replicas) == ("CPU use", 3.0)
    assert (cpu.value, cpu.compared_with) == (pytest.approx(150.0), pytest.approx(70.0))
    assert memory.feature == "memory in use and its history"
    assert memory.memory_bytes == 186 * MI
    # 5 of 200 m and 128 Mi instead of 2 of 200 m and 64 Mi.
    outlook = explanation.outlook
    assert (outlook.cores, outlook.cores_staying) == (1.0, 0.4)
    assert outlook.memory_gib == pytest.approx(5 * 128 / 1024)
    assert "+3 replicas" in explanation.words()
    assert "no twin" in explanation.words()


def test_what_the_window_of_five_minutes_holds_up_is_said(tmp_path: Path) -> None:
    made = world(tmp_path)
    made.telemetry.rows["shop/checkout"] = LOAD | {"cpu_usage_m": 600.0}
    made.ticks(2, apply=True)
    made.telemetry.rows["shop/checkout"] = LOAD | {"cpu_usage_m": 100.0, "replicas_ready": 5.0}

    explanation = explanation_of(made)

    by_name = {effect.feature: effect for effect in explanation.effects}
    # 100 m over 5 x 200 m is 10 %, of 70 %: one replica would do, the window keeps five.
    assert by_name["CPU use"].replicas == -4.0
    assert by_name["replicas of the last 5 minutes"].replicas == 4.0


def live(folder: Path) -> World:
    made = world(folder, settings=QUICK, annotations=GATE)
    let_in(made.store)
    made.telemetry.rows["shop/checkout"] = LOAD | {"request_rate_per_s": 60.0, "cpu_usage_m": 260}
    made.ticks(12, apply=True)
    assert made.told("PolicyActing").reason == "LIVE"
    return made


def test_a_policy_is_explained_by_the_load_and_the_twin_tells_what_staying_would_cost(
    tmp_path: Path,
) -> None:
    made = live(tmp_path)
    # 5 ms of CPU a request: 2.5 cores are needed, some half a core is there.
    made.telemetry.rows["shop/checkout"] = LOAD | {"request_rate_per_s": 500.0, "cpu_usage_m": 500}

    explanation = explanation_of(made)

    assert explanation.effects[0].feature == "request rate"
    assert (explanation.effects[0].value, explanation.effects[0].compared_with) == (500.0, 50.0)
    assert explanation.effects[0].replicas > 0
    assert len(explanation.effects) <= 3
    outlook = explanation.outlook
    assert outlook.violation_staying > outlook.violation
    assert outlook.cores > outlook.cores_staying
    assert "staying put 100.0%" in explanation.words()
    document = explanation.to_document()
    assert json.loads(json.dumps(document, allow_nan=False)) == document


def test_it_stands_in_the_status_and_is_no_news_by_itself(tmp_path: Path) -> None:
    made = world(tmp_path)
    made.telemetry.rows["shop/checkout"] = LOAD | {"cpu_usage_m": 600.0}
    made.ticks(8, apply=True)
    told = made.told("Explained")
    assert told.reason == "IncumbentDecided"
    assert "against staying put" in told.message
    made.api.patched.clear()
    # Another value of a feature that changes no recommendation.
    row = LOAD | {"cpu_usage_m": 701.0, "replicas_ready": 5.0, "replicas_wanted": 5.0}
    made.telemetry.rows["shop/checkout"] = row

    made.ticks(3, apply=True)

    assert made.api.patched == []


def test_the_newest_are_shown_as_metrics_and_no_more_than_so_many(tmp_path: Path) -> None:
    made = world(tmp_path, names=[f"w{index}" for index in range(6)])
    for index in range(6):
        made.telemetry.rows[f"shop/w{index}"] = LOAD | {"cpu_usage_m": 600.0}
    recommender = made.recommender
    recommender.tick()
    text = generate_latest(recommender.figures.registry).decode()
    assert (
        'aware_recommender_feature_effect{feature="CPU use",name="w3",namespace="shop",'
        'resource="replicas"} 3.0' in text
    )
    few = ExplanationFigures(most=4)
    made.restart()
    reading = made.recommender.reader.read(made.recommender.client, recommender.capabilities)
    few.show(made.recommender.explain(made.recommender.decide(reading, made.now_s)))

    (_, requested, _) = few.collect()

    assert len({sample.labels["name"] for sample in requested.samples}) == 4


memories = st.builds(
    lambda rate, peak, demand, boost, saturated, memory, floor, wait, trend: _memory(
        {
            RATE: rate,
            RATE_PEAK: rate * peak,
            DEMAND_MS: demand,
            SLACK_BOOST: boost,
            SATURATED: float(saturated),
            MEMORY_LATEST: memory,
            MEMORY_PEAK: memory * peak,
            OOM_FLOOR: floor,
            DOWN_WAIT_MIN: float(wait),
            TREND: trend,
        }
    ),
    st.floats(0.1, 500),
    st.floats(1, 3),
    st.floats(0.5, 20),
    st.floats(-0.7, 1.2),
    st.booleans(),
    st.floats(1e7, 5e8),
    st.floats(0, 9e8),
    st.integers(0, 9),
    st.floats(-1, 1),
)


def _memory(values: dict[int, float]) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    row = np.zeros(RULE_STATE_COUNT)
    row[SEEN] = 1.0
    for place, value in values.items():
        row[place] = value
    return row


@settings(deadline=None)
@given(st.lists(memories, min_size=1, max_size=4))
def test_each_effect_is_the_rule_s_answer_less_its_answer_without_the_feature(
    rows: list[np.ndarray[tuple[int], np.dtype[np.float64]]],
) -> None:
    rule = default_rule()
    limits = np.array([100.0, 0.95, 1, 10, 50, 2000, 32.0 * MI, 1024.0 * MI])
    current = np.array([3.0, 400.0, 200.0 * MI])
    assert limits.shape == (lim.LIMITS_COUNT,)
    before, after, base = [], [], []
    for row in rows:
        decided, out = row.copy(), np.empty(3)
        act_one(decided, rule, limits, current, out)
        after.append(decided)
        asked_again = decided.copy()
        asked_again[DOWN_WAIT_MIN] = max(decided[DOWN_WAIT_MIN] - 1.0, 0.0)
        before.append(asked_again)
        base.append(out)
    count = len(rows)

    effects = rule_effects(
        np.stack(after),
        np.tile(rule, (count, 1)),
        np.tile(limits, (count, 1)),
        np.tile(current, (count, 1)),
        np.full(count, 50.0),
        np.full(count, 5.0),
    )

    places = {name: place for name, *_, place in RULE_FEATURES}
    names = list(places)
    for name, other in (("saturation", 0.0), ("floor after an OOM kill", 0.0)):
        feature = names.index(name)
        for index in range(count):
            changed, out = before[index].copy(), np.empty(3)
            changed[places[name]] = other
            act_one(changed, rule, limits, current, out)
            np.testing.assert_allclose(effects.moved[index, feature], base[index] - out)
    for index in range(count):
        changed, out = before[index].copy(), np.empty(3)
        changed[RATE], changed[TREND] = 50.0, 0.0
        changed[RATE_PEAK] = min(changed[RATE_PEAK], 50.0)
        act_one(changed, rule, limits, current, out)
        np.testing.assert_allclose(effects.moved[index, 0], base[index] - out)
