from __future__ import annotations

from dataclasses import replace

import pytest

from components.actuator.actions import (
    EvictPod,
    PauseWithTemplate,
    ResizePod,
    RollTemplate,
    SetReplicas,
)
from components.actuator.situation import Situation
from components.actuator.sizes import digest_of_sizes
from components.kubernetes_api.resources import Resources
from tests.components.actuator.objects import (
    GROW,
    LARGE,
    LARGE_SETS,
    MI,
    autoscaler,
    kinds,
    pending,
    planned,
    pod,
    situation,
    target,
    template,
)


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
