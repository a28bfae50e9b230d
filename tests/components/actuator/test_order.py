from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from components.actuator.actions import (
    PauseWithTemplate,
    ResizePod,
    RollTemplate,
    SetReplicas,
)
from components.kubernetes_api.resources import Resources
from tests.components.actuator.objects import (
    GROW,
    LARGE,
    LARGE_SETS,
    MI,
    SMALL,
    autoscaler,
    kinds,
    pending,
    planned,
    pod,
    replica_set,
    situation,
    target,
    template,
)


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
