"""Complaints about kinds of workloads and of deploying, by number: the recommender's part.

What the actuator does about them is tested beside it.
"""

from __future__ import annotations

from pathlib import Path

from tests.components.recommender.recommending import LOAD, MI, World, deployment, world

KEY = "shop/checkout"
DEPLOYMENT = "/apis/apps/v1/namespaces/shop/deployments/checkout"
BUSY = LOAD | {"cpu_usage_m": 600.0, "memory_working_set_bytes": 200.0 * MI}


def busy(folder: Path) -> World:
    made = world(folder)
    made.telemetry.rows[KEY] = BUSY
    return made


def test_complaint_06_a_single_replica_has_a_recommendation_like_any_other(tmp_path: Path) -> None:
    made = busy(tmp_path)
    made.api.objects[DEPLOYMENT]["spec"]["replicas"] = 1
    made.telemetry.rows[KEY] = BUSY | {"replicas_wanted": 1.0, "replicas_ready": 1.0}
    made.ticks(1)
    replicas, _, memory_bytes = made.sizes()
    assert replicas > 1
    assert memory_bytes >= 1.15 * 200 * MI
    assert made.told("RecommendationProvided").status == "True"


def test_complaint_07_what_was_recommended_stays_while_the_actuator_cannot_land_it(
    tmp_path: Path,
) -> None:
    made = busy(tmp_path)
    made.ticks(1)
    before = made.sizes()
    # Nothing is applied: the wish neither runs away nor is it taken back.
    made.ticks(10)
    after = made.sizes()
    assert after[0] == before[0]
    assert after[2] == before[2]


def test_complaint_08_a_workload_whose_disruptions_are_forbidden_is_still_told_what_it_needs(
    tmp_path: Path,
) -> None:
    made = busy(tmp_path)
    made.api.objects["/apis/policy/v1/namespaces/shop/poddisruptionbudgets/checkout"] = {
        "metadata": {"namespace": "shop", "name": "checkout"},
        "spec": {"maxUnavailable": 0, "selector": {"matchLabels": {"app": "checkout"}}},
        "status": {"disruptionsAllowed": 0},
    }
    made.ticks(1)
    assert made.sizes()[0] > 2
    assert made.told("RecommendationProvided").status == "True"


def test_complaint_15_a_sync_that_resets_replicas_changes_no_recommendation(
    tmp_path: Path,
) -> None:
    made = busy(tmp_path)
    made.ticks(3, apply=True)
    wanted = made.sizes()
    made.telemetry.rows[KEY] = BUSY | {
        "replicas_wanted": float(wanted[0]),
        "replicas_ready": float(wanted[0]),
    }
    made.api.objects[DEPLOYMENT]["spec"]["replicas"] = 2
    made.ticks(1)
    assert made.sizes() >= wanted


def test_complaint_16_a_stateful_set_is_recommended_for_as_a_deployment_is(
    tmp_path: Path,
) -> None:
    made = busy(tmp_path)
    made.ticks(1)
    wanted = made.sizes()
    other = busy(tmp_path / "other")
    del other.api.objects[DEPLOYMENT]
    path = "/apis/apps/v1/namespaces/shop/statefulsets/checkout"
    other.api.objects[path] = deployment("checkout") | {"kind": "StatefulSet"}
    for at, document in other.api.objects.items():
        if "multidimpodautoscalers" in at:
            document["spec"]["scaleTargetRef"]["kind"] = "StatefulSet"
    other.ticks(1)
    assert other.sizes() == wanted
    # It is told, not applied: whoever applies it keeps to the mode.
    assert [at for at in other.api.patched if "multidimpodautoscalers" not in at] == []
