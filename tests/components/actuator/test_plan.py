from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.actuator.actions import (
    AlignReplicaSet,
    EvictPod,
    PauseWithTemplate,
    ResizePod,
    ResumeRollouts,
    RollTemplate,
    SetReplicas,
)
from components.actuator.plan import Plan, plan_for
from components.actuator.settings import ActuatorSettings
from components.actuator.situation import Situation
from components.actuator.sizes import digest_of_sizes
from components.kubernetes_api.autoscaler import MultidimPodAutoscaler
from components.kubernetes_api.resources import Resources
from tests.components.actuator.objects import (
    LARGE,
    MI,
    SMALL,
    autoscaler,
    pending,
    pod,
    replica_set,
    situation,
    target,
    template,
)

SETTINGS = ActuatorSettings()
IN_STEP = {"aware.autoscaling/template-in-step": "true"}
GROW = {"cpu": "300m", "memory": "100Mi"}
LARGE_SETS = (replica_set(pod_template=template(LARGE, "1")),)


def planned(mine: MultidimPodAutoscaler, now: Situation | None = None) -> Plan:
    return plan_for(mine, now or situation(), SETTINGS)


def kinds(plan: Plan) -> list[type]:
    return [type(action) for action in plan.actions]


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


def test_grown_pods_land_before_a_replica_goes() -> None:
    mine = autoscaler(1, **GROW)
    start = situation(target(size=LARGE), replica_sets=LARGE_SETS)
    assert kinds(planned(mine, start)) == [ResizePod, ResizePod]
    half = replace(
        start, pods=(pod("a", LARGE), pod("b", LARGE, conditions=(pending("Deferred"),)))
    )
    assert SetReplicas not in kinds(planned(mine, half))
    told_smaller = replace(start, pods=(pod("a", LARGE), pod("b", LARGE, actual=SMALL)))
    assert planned(mine, told_smaller).actions == ()
    landed = replace(start, pods=(pod("a", LARGE), pod("b", LARGE, actual=LARGE)))
    assert planned(mine, landed).actions == (SetReplicas(1),)


def test_new_replicas_are_ready_before_a_size_shrinks() -> None:
    mine = autoscaler(3, "100m", "40Mi")
    plan = planned(mine)
    assert plan.actions == (SetReplicas(3),)
    small = Resources(100, 40 * MI, 100, 40 * MI)
    pods = (pod("a"), pod("b"), pod("c", ready=False))
    starting = situation(target(replicas=3, readyReplicas=2), pods)
    assert planned(mine, starting).actions == ()
    assert "before 3 replicas are ready (2 are)" in planned(mine, starting).message
    ready = situation(target(replicas=3), (pod("a"), pod("b"), pod("c")))
    assert kinds(planned(mine, ready)) == [PauseWithTemplate]
    stepped = replace(
        ready,
        target=target(replicas=3, size=small),
        replica_sets=(replica_set(replicas=3, pod_template=template(small, "1")),),
    )
    assert planned(mine, stepped).actions == (ResizePod("a", "a-uid", {"app": small}),)
    one_landed = replace(stepped, pods=(pod("a", small), pod("b"), pod("c")))
    assert planned(mine, one_landed).actions == (ResizePod("b", "b-uid", {"app": small}),)
    in_progress = {"type": "PodResizeInProgress", "status": "True"}
    not_landed = replace(
        stepped, pods=(pod("a", small, conditions=(in_progress,)), pod("b"), pod("c"))
    )
    assert planned(mine, not_landed).actions == ()


def test_what_grows_and_shrinks_at_once_grows_first() -> None:
    mixed = Resources(300, 40 * MI, 300, 40 * MI)
    stepped = situation(
        target(size=mixed), replica_sets=(replica_set(pod_template=template(mixed, "1")),)
    )
    grown = Resources(300, 64 * MI, 300, 64 * MI)
    plan = planned(autoscaler(2, "300m", "40Mi"), stepped)
    assert plan.actions == (
        ResizePod("checkout-1-a", "checkout-1-a-uid", {"app": grown}),
        ResizePod("checkout-1-b", "checkout-1-b-uid", {"app": grown}),
    )


def test_a_silent_recommender_lets_grow_and_nothing_shrink() -> None:
    silent = situation(target(replicas=3), (pod("a"), pod("b"), pod("c")), recommender_alive=False)
    plan = planned(autoscaler(1, "300m", "40Mi"), silent)
    assert kinds(plan) == [PauseWithTemplate]
    assert plan.actions[0].sizes == {"app": Resources(300, 64 * MI, 300, 64 * MI)}
    at_wish = planned(autoscaler(), situation(recommender_alive=False))
    assert at_wish.reason == "Applied"


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


def test_initial_touches_the_template_only() -> None:
    mine = autoscaler(2, mode="Initial", **GROW)
    assert kinds(planned(mine)) == [PauseWithTemplate]
    stepped = situation(target(size=LARGE), replica_sets=LARGE_SETS)
    assert planned(mine, stepped).actions == ()


def test_initial_on_a_stateful_set_resizes_pods_that_start() -> None:
    mine = autoscaler(2, mode="Initial", kind="StatefulSet", **GROW)
    now = situation(target(kind="StatefulSet", readyReplicas=1), (pod("a"), pod("b", ready=False)))
    assert planned(mine, now).actions == (ResizePod("b", "b-uid", {"app": LARGE}),)


def test_an_on_delete_stateful_set_gets_its_template_too() -> None:
    on_delete = target(kind="StatefulSet", spec={"updateStrategy": {"type": "OnDelete"}})
    plan = planned(autoscaler(2, kind="StatefulSet", **GROW), situation(on_delete))
    assert kinds(plan) == [RollTemplate, ResizePod, ResizePod]


def test_recreate_scales_first_and_then_rolls_out_once() -> None:
    mine = autoscaler(3, mode="Recreate", **GROW)
    assert planned(mine).actions == (SetReplicas(3),)
    scaled = situation(target(replicas=3), (pod("a"), pod("b"), pod("c")))
    assert kinds(planned(mine, scaled)) == [RollTemplate]


def test_pods_that_something_else_sizes_are_not_rolled_out_for_ever() -> None:
    mine = autoscaler(2, mode="Recreate", **GROW)
    first = planned(mine)
    marker = first.actions[0].marker
    rolled = target(pod_template=template(LARGE, aware_autoscaling__resized=marker))
    plan = planned(mine, situation(rolled))
    assert (plan.actions, plan.reason, plan.able) == ((), "PodsDiffer", False)
    assert "LimitRange" in plan.message


@pytest.mark.parametrize(("allowed", "rolls"), [(None, True), (0, False), (1, True)])
def test_a_rolling_update_takes_no_more_pods_than_the_budget_allows(
    allowed: int | None, rolls: bool
) -> None:
    strategy = {"strategy": {"rollingUpdate": {"maxUnavailable": 1}}}
    now = situation(target(spec=strategy), disruptions_allowed=allowed)
    plan = planned(autoscaler(2, mode="Recreate", **GROW), now)
    assert (kinds(plan) == [RollTemplate]) is rolls
    assert plan.reason == ("Applying" if rolls else "DisruptionBudget")


def test_a_surging_rolling_update_needs_no_disruption() -> None:
    # 25 % of 2 pods round down to none unavailable.
    now = situation(disruptions_allowed=0)
    assert kinds(planned(autoscaler(2, mode="Recreate", **GROW), now)) == [RollTemplate]


def test_a_refused_resize_is_rolled_out_unless_evictions_are_off() -> None:
    digest = digest_of_sizes({"app": LARGE}, "checkout-1-a-uid")
    now = situation(target(size=LARGE), replica_sets=LARGE_SETS, refused=frozenset((digest,)))
    assert kinds(planned(autoscaler(2, **GROW), now)) == [RollTemplate]
    never = {"aware.autoscaling/evict": "never"}
    plan = planned(autoscaler(2, annotations=never, **GROW), now)
    assert (plan.actions, plan.reason) == ((), "ResizeUnavailable")


def test_a_stateful_set_that_cannot_be_resized_is_not_restarted() -> None:
    now = situation(target(kind="StatefulSet"), pods_resize=False)
    plan = planned(autoscaler(2, kind="StatefulSet", **GROW), now)
    assert (plan.actions, plan.reason, plan.able) == ((), "ResizeUnavailable", False)
    assert "updateMode Recreate" in plan.message


def stuck(reason: str, since: str = "2026-01-01T00:00:00Z") -> Situation:
    first = pod("a", LARGE, conditions=(pending(reason, since),))
    return situation(target(size=LARGE), (first, pod("b", LARGE)), replica_sets=LARGE_SETS)


def test_a_pod_whose_node_cannot_resize_it_is_evicted() -> None:
    assert planned(autoscaler(2, **GROW), stuck("Infeasible")).actions == (EvictPod("a", "a-uid"),)
    late = stuck("Deferred", "2026-01-01T00:04:59Z")
    assert planned(autoscaler(2, **GROW), late).actions == (EvictPod("a", "a-uid"),)
    early = stuck("Deferred", "2026-01-01T00:05:01Z")
    assert planned(autoscaler(2, **GROW), early).actions == ()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"disruptions_allowed": 0}, "PodDisruptionBudget"),
        ({"pods": (pod("a", LARGE, conditions=(pending("Infeasible"),)),)}, "only replica"),
        (
            {
                "pods": (
                    pod("a", LARGE, conditions=(pending("Infeasible"),)),
                    pod("b", LARGE, ready=False),
                )
            },
            "not ready",
        ),
    ],
)
def test_a_pod_that_may_not_go_stays_and_the_reason_is_told(
    change: dict[str, object], words: str
) -> None:
    plan = planned(autoscaler(2, **GROW), replace(stuck("Infeasible"), **change))  # type: ignore[arg-type]
    assert EvictPod not in kinds(plan)
    assert (plan.reason, plan.able) == ("ResizeStuck", False)
    assert words in plan.message


def test_what_waits_in_vain_may_be_asked_for_less() -> None:
    plan = planned(
        autoscaler(2, "250m", "64Mi"),
        replace(
            stuck("Deferred", "2026-01-01T00:09:00Z"),
            target=target(size=Resources(250, 64 * MI, 250, 64 * MI)),
        ),
    )
    less = Resources(250, 64 * MI, 250, 64 * MI)
    assert ResizePod("a", "a-uid", {"app": less}) in plan.actions


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


sizes = st.builds(
    lambda cpu_m, memory: Resources(cpu_m, memory * MI, cpu_m, memory * MI),
    st.integers(50, 1000),
    st.integers(32, 512),
)
pods = st.lists(st.tuples(sizes, st.booleans()), min_size=1, max_size=4)


@given(
    st.integers(1, 6),
    sizes,
    pods,
    sizes,
    st.booleans(),
    st.sampled_from(("Auto", "Recreate", "Initial")),
)
def test_no_plan_takes_capacity_before_its_replacement_is_there(
    wished: int,
    wished_size: Resources,
    existing: list[tuple[Resources, bool]],
    template_size: Resources,
    alive: bool,
    mode: str,
) -> None:
    mine = autoscaler(
        wished, f"{wished_size.cpu_request_m}m", str(wished_size.memory_limit_bytes), mode
    )
    now = situation(
        target(
            replicas=len(existing),
            size=template_size,
            readyReplicas=sum(ready for _, ready in existing),
        ),
        tuple(pod(f"pod-{n}", size, ready) for n, (size, ready) in enumerate(existing)),
        replica_sets=(replica_set(pod_template=template(template_size, "1")),),
        recommender_alive=alive,
    )
    plan = planned(mine, now)
    ready = sum(ready for _, ready in existing)
    before = {f"pod-{n}": size for n, (size, _) in enumerate(existing)}
    for action in plan.actions:
        if isinstance(action, SetReplicas) and action.replicas < len(existing):
            assert alive
            assert all(
                (size.cpu_request_m or 0) >= (wished_size.cpu_request_m or 0)
                and (size.memory_request_bytes or 0) >= (wished_size.memory_request_bytes or 0)
                for size in before.values()
            )
        if isinstance(action, ResizePod):
            old, new = before[action.pod], action.sizes["app"]
            if (new.cpu_request_m or 0) < (old.cpu_request_m or 0) or (
                (new.memory_request_bytes or 0) < (old.memory_request_bytes or 0)
            ):
                assert alive
                assert ready >= wished
                assert kinds(plan).count(ResizePod) == 1
        if isinstance(action, PauseWithTemplate | RollTemplate) and not alive:
            new = action.sizes["app"]
            assert (new.cpu_request_m or 0) >= (template_size.cpu_request_m or 0)
            assert (new.memory_request_bytes or 0) >= (template_size.memory_request_bytes or 0)
        if isinstance(action, RollTemplate) and (not alive or ready < wished):
            new = action.sizes["app"]
            assert all(
                (new.cpu_request_m or 0) >= (old.cpu_request_m or 0) for old in before.values()
            )
