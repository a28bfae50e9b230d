"""Whole ticks on an API server, a store and telemetry in memory."""

from __future__ import annotations

from pathlib import Path

import pytest

from components.kubernetes_api.conditions import FALSE, TRUE
from components.kubernetes_api.errors import RefusedError
from components.recommender.phase_settings import PhaseSettings
from components.recommender.settings import RecommenderSettings
from tests.components.recommender.recommending import GATE, LOAD, MI, let_in, mpa_path, world

QUICK = RecommenderSettings(
    save_every=2,
    phases=PhaseSettings(
        shadow_intervals=3, canary_intervals=3, shortest_reference=3, benefit_needed=0.01
    ),
)


def test_one_object_without_policy_gets_what_hpa_and_vpa_say(tmp_path: Path) -> None:
    made = world(tmp_path)
    made.telemetry.rows["shop/checkout"] = LOAD | {"cpu_usage_m": 600.0}

    made.ticks(1)

    # 600 m over 2 x 200 m is 150 %, of 70 %: ceil(2 * 1.5 / 0.7) = 5. The VPA's least is 250 Mi,
    # and memory grows by at most 100 % at once.
    assert made.sizes() == (5, 200, 128 * MI)
    provided = made.told("RecommendationProvided")
    assert (provided.status, provided.reason) == (TRUE, "IncumbentDecided")
    assert "memory grows to" in provided.message
    acting = made.told("PolicyActing")
    assert (acting.status, acting.reason) == (FALSE, "INCUMBENT")


def test_the_status_is_written_only_when_it_changes(tmp_path: Path) -> None:
    made = world(tmp_path)
    made.ticks(8, apply=True)
    made.api.patched.clear()

    made.ticks(5, apply=True)

    assert made.api.patched == []


@pytest.mark.parametrize(
    "spoiled",
    [
        {"cpu_usage_m": float("nan")},
        {"memory_working_set_bytes": float("nan")},
        {"cpu_usage_m": float("inf")},
        {"cpu_usage_m": -1.0},
    ],
)
def test_without_truth_nothing_shrinks_and_the_last_good_holds(
    tmp_path: Path, spoiled: dict[str, float]
) -> None:
    made = world(tmp_path)
    made.telemetry.rows["shop/checkout"] = LOAD | {"cpu_usage_m": 600.0}
    made.ticks(1)
    before = made.sizes()
    made.telemetry.rows["shop/checkout"] = LOAD | spoiled

    made.ticks(12)

    assert made.sizes() == before
    assert made.told("RecommendationProvided").reason == "HeldLastGood"


def test_an_idle_workload_shrinks_after_the_window_and_never_below_its_memory(
    tmp_path: Path,
) -> None:
    made = world(tmp_path)
    made.telemetry.rows["shop/checkout"] = LOAD | {"cpu_usage_m": 20.0}

    made.ticks(5, apply=True)
    assert made.sizes()[0] == 2
    made.ticks(10, apply=True)

    replicas, _, memory_bytes = made.sizes()
    assert replicas == 1
    assert memory_bytes >= 1.15 * 50 * MI


def test_one_bad_object_never_stops_the_others_and_is_told_why(tmp_path: Path) -> None:
    made = world(tmp_path, names=("checkout", "broken", "lonely"))
    broken = made.api.objects[mpa_path("broken")]
    broken["metadata"]["annotations"] = {"aware.autoscaling/incumbent": "no json"}
    del made.api.objects["/apis/apps/v1/namespaces/shop/deployments/lonely"]
    made.api.objects[mpa_path("worse")] = {"metadata": {"name": "worse"}}

    made.ticks(1)

    assert made.told("RecommendationProvided").status == TRUE
    for name, words in (("broken", "can't be read"), ("lonely", "doesn't exist")):
        told = made.told("RecommendationProvided", name)
        assert (told.status, told.reason) == (FALSE, "InvalidObject")
        assert words in told.message


def test_a_status_that_is_refused_costs_only_that_workload(tmp_path: Path) -> None:
    made = world(tmp_path, names=("checkout", "other"))
    made.api.errors["checkout/status"] = [RefusedError("403", 403)]

    made.ticks(1)

    assert made.mpa("checkout").desired_replicas is None
    assert made.mpa("other").desired_replicas is not None
    made.ticks(1)
    assert made.mpa("checkout").desired_replicas is not None


def test_another_owner_is_named_and_nothing_is_changed(tmp_path: Path) -> None:
    made = world(tmp_path)
    made.telemetry.rows["shop/checkout"] = LOAD | {"cpu_usage_m": 600.0}
    path = "/apis/autoscaling/v2/namespaces/shop/horizontalpodautoscalers/old"
    made.api.objects[path] = {
        "metadata": {"namespace": "shop", "name": "old"},
        "spec": {"scaleTargetRef": {"kind": "Deployment", "name": "checkout"}},
    }

    made.ticks(1)

    assert made.sizes() == (2, 200, 64 * MI)
    assert "HorizontalPodAutoscaler shop/old" in made.told("RecommendationProvided").message


def test_a_policy_goes_from_shadow_to_live_by_itself_and_a_restart_loses_nothing(
    tmp_path: Path,
) -> None:
    made = world(tmp_path, settings=QUICK, annotations=GATE)
    digest = let_in(made.store)
    made.ticks(1)
    assert made.told("PolicyActing").reason == "SHADOW"

    made.ticks(9)

    reached = made.told("PolicyActing")
    assert (reached.status, reached.reason) == (TRUE, "LIVE")
    assert made.told("RecommendationProvided").reason == "PolicyDecided"
    assert digest[:12] in made.told("RecommendationProvided").message
    assert {event["reason"] for event in made.api.events} >= {"ShadowAgreed", "CanaryPassed"}
    made.restart()
    made.ticks(1)
    assert made.told("PolicyActing").reason == "LIVE"


def test_a_live_policy_that_violates_is_sent_back_and_does_not_come_again(tmp_path: Path) -> None:
    made = world(tmp_path, settings=QUICK, annotations=GATE)
    let_in(made.store)
    made.ticks(12)
    assert made.told("PolicyActing").reason == "LIVE"
    made.telemetry.rows["shop/checkout"] = LOAD | {"latency_ms": 500.0}

    made.ticks(4)

    sent_back = made.told("PolicyActing")
    assert (sent_back.status, sent_back.reason) == (FALSE, "INCUMBENT")
    assert sent_back.message.startswith(("Violations", "Regression"))
    assert made.told("RecommendationProvided").reason == "IncumbentDecided"
    made.restart()
    made.telemetry.rows["shop/checkout"] = LOAD
    made.ticks(10)
    assert made.told("PolicyActing").reason == "INCUMBENT"


def test_a_person_stops_the_policy_by_annotation_at_once(tmp_path: Path) -> None:
    made = world(tmp_path, settings=QUICK, annotations=GATE)
    let_in(made.store)
    made.ticks(12)
    annotations = made.api.objects[mpa_path("checkout")]["metadata"]["annotations"]
    annotations["aware.autoscaling/phase"] = "INCUMBENT"

    made.ticks(1)

    assert made.told("PolicyActing").reason == "INCUMBENT"
    assert made.told("RecommendationProvided").reason == "IncumbentDecided"


def test_many_that_want_to_shrink_at_once_take_turns(tmp_path: Path) -> None:
    names = [f"w{index}" for index in range(20)]
    made = world(tmp_path, names=names)
    made.telemetry.rows = {f"shop/{name}": LOAD | {"cpu_usage_m": 20.0} for name in names}
    made.ticks(4, apply=True)
    shrunk = []
    for _ in range(6):
        before = {name: made.sizes(name) for name in names}
        made.ticks(1, apply=True)
        shrunk.append(
            sum(
                any(new < old for new, old in zip(made.sizes(name), before[name], strict=True))
                for name in names
            )
        )

    assert max(shrunk) == 2
    assert sum(shrunk) > 2


def test_mode_off_shows_where_it_would_go_and_does_not_swing(tmp_path: Path) -> None:
    made = world(tmp_path, mode="Off")
    made.telemetry.rows["shop/checkout"] = LOAD | {"cpu_usage_m": 20.0}
    seen = []
    for _ in range(25):
        made.ticks(1)
        seen.append(made.sizes()[0])

    assert seen[-1] == 1
    assert seen == sorted(seen, reverse=True)
