from __future__ import annotations

from components.actuator.actions import (
    AlignReplicaSet,
    ResumeRollouts,
    SetReplicas,
)
from tests.components.actuator.objects import (
    IN_STEP,
    LARGE,
    LARGE_SETS,
    autoscaler,
    kinds,
    planned,
    replica_set,
    situation,
    target,
    template,
)


def test_a_half_changed_template_is_finished_whatever_stands_in_the_way() -> None:
    begun = target(size=LARGE, labels=IN_STEP, spec={"paused": True}, updatedReplicas=0)
    plan = planned(autoscaler(mode="Off"), situation(begun))
    assert kinds(plan) == [AlignReplicaSet]
    assert plan.actions[0].template == template(LARGE, "1")
    aligned = situation(begun, replica_sets=LARGE_SETS)
    assert planned(autoscaler(4), aligned).actions == ()
    counted = situation(
        target(size=LARGE, labels=IN_STEP, spec={"paused": True}), replica_sets=LARGE_SETS
    )
    assert planned(autoscaler(4), counted).actions == (ResumeRollouts(),)


def test_a_template_that_the_user_changed_meanwhile_is_released() -> None:
    other = template(LARGE)
    other["spec"]["containers"][0]["image"] = "new"
    begun = target(labels=IN_STEP, spec={"paused": True}, pod_template=other)
    assert planned(autoscaler(), situation(begun)).actions == (ResumeRollouts(),)


def test_the_replica_set_with_most_pods_is_the_one_brought_in_step() -> None:
    begun = target(size=LARGE, labels=IN_STEP, spec={"paused": True}, updatedReplicas=0)
    sets = (
        replica_set("old", 0, "2026-01-03T00:00:00Z", template(hash_="o")),
        replica_set("current", 2, "2026-01-01T00:00:00Z", template(hash_="c")),
        replica_set("unlike", 9, pod_template=template(hash_="u", other="1")),
    )
    plan = planned(autoscaler(), situation(begun, replica_sets=sets))
    assert [action.replica_set for action in plan.actions] == ["current"]


def test_while_no_replica_set_has_the_template_replicas_are_scaled_all_the_same() -> None:
    unseen = situation(replica_sets=(replica_set(pod_template=template(LARGE, "1")),))
    plan = planned(autoscaler(4, "400m", "64Mi"), unseen)
    assert plan.actions == (SetReplicas(4),)
