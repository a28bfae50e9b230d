from __future__ import annotations

from dataclasses import replace

import pytest

from components.actuator.actions import (
    PauseWithTemplate,
    ResizePod,
    SetReplicas,
)
from components.actuator.situation import Situation
from components.kubernetes_api.autoscaler import MultidimPodAutoscaler
from tests.components.actuator.objects import (
    GROW,
    LARGE,
    LARGE_SETS,
    autoscaler,
    kinds,
    planned,
    pod,
    situation,
    target,
)


def test_at_the_wish_there_is_nothing_to_do() -> None:
    plan = planned(autoscaler())
    assert (plan.actions, plan.able, plan.reason, plan.waiting) == ((), True, "Applied", False)
    assert plan.message == "2 replicas; app cpu 200m, memory 64Mi"


def test_the_template_is_changed_before_replicas_are_added() -> None:
    plan = planned(autoscaler(4, **GROW))
    assert kinds(plan) == [PauseWithTemplate]
    assert plan.actions[0].sizes == {"app": LARGE}
    in_step = situation(target(size=LARGE), replica_sets=LARGE_SETS)
    plan = planned(autoscaler(4, **GROW), in_step)
    assert kinds(plan) == [SetReplicas, ResizePod, ResizePod]


def test_the_bounds_of_the_object_hold_whatever_its_status_says() -> None:
    assert planned(autoscaler(50)).actions == (SetReplicas(6),)
    assert planned(autoscaler(0), situation(target(replicas=2))).actions == (SetReplicas(1),)


def test_without_a_largest_number_replicas_are_left_alone() -> None:
    mine = autoscaler(5, constraints={"global": {}})
    assert planned(mine).reason == "Applied"


@pytest.mark.parametrize(
    ("mine", "now", "reason"),
    [
        (autoscaler(4, mode="Off"), situation(), "UpdateModeOff"),
        (autoscaler(4, annotations={"aware.autoscaling/pause": "true"}), situation(), "Paused"),
        (autoscaler(None), situation(), "NoRecommendation"),
        (autoscaler(4), situation(owners=("HPA shop/x",)), "AnotherAutoscaler"),
        (autoscaler(4), situation(target(replicas=0), ()), "ScaledToZero"),
        (autoscaler(4), situation(target(spec={"paused": True})), "RolloutsPaused"),
        (autoscaler(4), situation(target(updatedReplicas=1)), "RolloutInProgress"),
        (autoscaler(4), situation(target(observedGeneration=0)), "WaitingForController"),
        (autoscaler(4, cpu="0"), situation(), "BadRecommendation"),
        (autoscaler(4, memory="64"), situation(), "BadRecommendation"),
    ],
)
def test_what_stands_in_the_way_is_named_and_nothing_is_done(
    mine: MultidimPodAutoscaler, now: Situation, reason: str
) -> None:
    plan = planned(mine, now)
    assert (plan.reason, plan.actions) == (reason, ())
    assert plan.able is (reason == "WaitingForController")


def test_a_stateful_set_that_is_rolling_is_left_alone() -> None:
    rolling = target(kind="StatefulSet", currentRevision="a", updateRevision="b")
    plan = planned(autoscaler(4, kind="StatefulSet"), situation(rolling))
    assert plan.reason == "RolloutInProgress"
    on_delete = target(
        kind="StatefulSet",
        currentRevision="a",
        updateRevision="b",
        spec={"updateStrategy": {"type": "OnDelete"}},
    )
    assert planned(autoscaler(4, kind="StatefulSet"), situation(on_delete)).actions == (
        SetReplicas(4),
    )


def test_the_policy_is_stopped_by_the_annotation_or_by_its_own_condition() -> None:
    policy = autoscaler(4, annotations={"aware.autoscaling/phase": "LIVE"})
    provided = replace(policy.conditions[0], reason="PolicyDecided")
    acting = replace(policy, conditions=(provided,))
    assert planned(acting).actions == (SetReplicas(4),)
    assert planned(replace(acting, phase="INCUMBENT")).reason == "PhaseForbids"
    back = replace(provided, type="PolicyActing", status="False", reason="SHADOW")
    plan = planned(replace(acting, conditions=(provided, back)))
    assert plan.reason == "PhaseForbids"
    assert "phase SHADOW" in plan.message


def test_replicas_that_cannot_be_made_are_told() -> None:
    failing = {
        "conditions": [
            {"type": "ReplicaFailure", "status": "True", "message": "exceeded quota: small"}
        ]
    }
    now = situation(target(replicas=3, readyReplicas=2, **failing), (pod("a"), pod("b")))
    plan = planned(autoscaler(3), now)
    assert (plan.reason, plan.able) == ("ReplicasNotCreated", False)
    assert "exceeded quota: small" in plan.message
