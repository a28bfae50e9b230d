from __future__ import annotations

from collections.abc import Mapping

from hypothesis import given
from hypothesis import strategies as st

from components.actuator.ceilings import Ceilings, bounded
from components.actuator.resource_kinds import KINDS
from components.actuator.wish import Wish
from components.kubernetes_api.ceilings import limit_range_of, node_of, quota_of
from components.kubernetes_api.client import Json
from components.kubernetes_api.resources import Resources
from tests.components.actuator.objects import (
    GROW,
    LARGE,
    MI,
    SMALL,
    autoscaler,
    planned,
    pod,
    situation,
    target,
)

PROXY = Resources(20, 16 * MI, 20, 16 * MI)


def limit_range(**limits: Json) -> Ceilings:
    document = {
        "metadata": {"namespace": "shop", "name": "sizes"},
        "spec": {"limits": [{"type": kind, **ends} for kind, ends in limits.items()]},
    }
    return Ceilings(limit_ranges=(limit_range_of(document),))


def quota(hard: Mapping[str, str], used: Mapping[str, str]) -> Ceilings:
    document = {
        "metadata": {"namespace": "shop", "name": "team"},
        "status": {"hard": dict(hard), "used": dict(used)},
    }
    return Ceilings(quotas=(quota_of(document),))


def nodes(*sizes: tuple[str, str], unschedulable: bool = False) -> Ceilings:
    return Ceilings(
        nodes=tuple(
            node_of(
                {
                    "metadata": {"name": f"node-{index}"},
                    "spec": {"unschedulable": unschedulable},
                    "status": {"allocatable": {"cpu": cpu, "memory": memory}},
                }
            )
            for index, (cpu, memory) in enumerate(sizes)
        )
    )


def wish(replicas: int = 2, size: Resources = LARGE) -> Wish:
    return Wish(replicas, {"app": size})


def test_a_limit_range_cuts_the_limit_and_the_request_keeps_its_ratio() -> None:
    half = Resources(200, 64 * MI, 400, 64 * MI)
    wanted = wish(size=Resources(500, 64 * MI, 1000, 64 * MI))
    result = bounded(wanted, 2, {"app": half}, limit_range(Container={"max": {"cpu": "800m"}}))
    assert result.wish.sizes == {"app": Resources(400, 64 * MI, 800, 64 * MI)}
    assert [note.reason for note in result.notes] == ["LimitRange"]
    assert "LimitRange shop/sizes allows container app at most 800m of cpu" in (
        result.notes[0].message
    )


def test_a_limit_range_raises_a_request_to_its_minimum() -> None:
    wanted = wish(size=Resources(50, 64 * MI, 50, 64 * MI))
    result = bounded(wanted, 2, {"app": SMALL}, limit_range(Container={"min": {"cpu": "100m"}}))
    assert result.wish.sizes == {"app": Resources(100, 64 * MI, 100, 64 * MI)}
    assert "at least 100m" in result.notes[0].message


def test_the_pods_maximum_leaves_what_its_sidecar_has() -> None:
    current = {"app": SMALL, "proxy": PROXY}
    result = bounded(wish(), 2, current, limit_range(Pod={"max": {"cpu": "270m"}}))
    assert result.wish.sizes["app"].cpu_limit_m == 250


def test_a_limit_range_that_came_later_takes_nothing_away() -> None:
    result = bounded(wish(), 2, {"app": LARGE}, limit_range(Container={"max": {"memory": "50Mi"}}))
    assert result.wish == wish()
    assert result.notes == ()


def test_a_pod_larger_than_every_node_is_cut_to_the_largest() -> None:
    current = {"app": SMALL, "proxy": PROXY}
    result = bounded(wish(), 2, current, nodes(("250m", "1Gi"), ("270m", "1Gi")))
    assert result.wish.sizes["app"] == Resources(250, 100 * MI, 250, 100 * MI)
    assert "the largest node, node-1, can give a pod 270m of cpu" in result.notes[0].message
    assert bounded(wish(), 2, current, nodes(("1m", "1Mi"), unschedulable=True)).notes == ()


def test_of_a_quota_new_replicas_are_given_up_first() -> None:
    # Left: 700m. 2 x 200m become n x 300m: 3 take 500m more, 4 would take 800m more.
    room = quota({"requests.cpu": "1100m"}, {"requests.cpu": "400m"})
    result = bounded(wish(4), 2, {"app": SMALL}, room)
    assert (result.wish.replicas, result.wish.sizes) == (3, {"app": LARGE})
    assert result.notes[0].reason == "ResourceQuota"
    assert "ResourceQuota shop/team has room for 3 replicas" in result.notes[0].message


def test_where_not_even_the_present_replicas_could_grow_the_size_stays() -> None:
    # Left: 100m. Two replicas of 300m would take 200m more; memory has no quota and may grow.
    room = quota({"limits.cpu": "500m"}, {"limits.cpu": "400m"})
    result = bounded(wish(2), 2, {"app": SMALL}, room)
    assert result.wish.sizes == {"app": Resources(200, 100 * MI, 200, 100 * MI)}
    assert result.wish.replicas == 2


def test_a_quota_on_pods_counts_pods() -> None:
    room = quota({"pods": "3"}, {"pods": "2"})
    assert bounded(wish(6, SMALL), 2, {"app": SMALL}, room).wish.replicas == 3


def test_a_full_quota_never_stops_a_shrink() -> None:
    full = quota(
        {"cpu": "600m", "memory": "200Mi", "pods": "2"},
        {"cpu": "600m", "memory": "200Mi", "pods": "2"},
    )
    smaller = Wish(1, {"app": SMALL})
    assert bounded(smaller, 2, {"app": LARGE}, full) == bounded(
        smaller, 2, {"app": LARGE}, Ceilings()
    )


sizes = st.builds(
    lambda cpu, memory: Resources(cpu, memory, cpu, memory),
    st.integers(1, 4000),
    st.integers(MI, 4096 * MI),
)


@given(sizes, sizes, st.integers(1, 20), st.integers(1, 20), st.integers(0, 8000))
def test_the_quota_is_never_exceeded_by_growth_and_nothing_falls_below_wish_and_present(
    now: Resources, wanted: Resources, replicas: int, count: int, left_m: int
) -> None:
    room = quota({"limits.cpu": f"{left_m}m"}, {})
    result = bounded(Wish(count, {"app": wanted}), replicas, {"app": now}, room).wish
    given_size = result.sizes["app"]
    before, after = (
        replicas * (now.cpu_limit_m or 0),
        (result.replicas * (given_size.cpu_limit_m or 0)),
    )
    assert after <= before + left_m
    assert result.replicas >= min(count, replicas)
    for kind in KINDS:
        least = min(kind.largest(now), kind.largest(wanted))
        assert kind.largest(given_size) >= least


def test_the_condition_names_the_bound_and_what_is_possible_is_done() -> None:
    room = quota({"pods": "3"}, {"pods": "2"})
    plan = planned(autoscaler(5), situation(ceilings=room))
    assert [action.replicas for action in plan.actions] == [3]
    assert (plan.able, plan.reason) == (False, "ResourceQuota")
    assert "ResourceQuota shop/team" in plan.message
    at_rest = planned(
        autoscaler(5), situation(target(replicas=2), ceilings=quota({"pods": "2"}, {"pods": "2"}))
    )
    assert (at_rest.actions, at_rest.reason) == ((), "ResourceQuota")


def test_no_half_of_a_trade_is_done_where_a_ceiling_stops_the_other() -> None:
    """Many small for few large: without the many, the few must not get small; and the reverse."""
    many_small = planned(
        autoscaler(4, cpu="100m"), situation(ceilings=quota({"pods": "2"}, {"pods": "2"}))
    )
    few_large = planned(
        autoscaler(1, cpu="400m"),
        situation(ceilings=limit_range(Container={"max": {"cpu": "200m"}})),
    )
    for plan in (many_small, few_large):
        assert plan.actions == ()
        assert "nothing shrinks while a ceiling bounds the wish" in plan.message


def test_pods_that_find_no_node_are_told_with_the_schedulers_words() -> None:
    unplaced = {
        "type": "PodScheduled",
        "status": "False",
        "reason": "Unschedulable",
        "message": "0/3 nodes are available: insufficient cpu",
    }
    pods = (pod("a"), pod("b", ready=False, conditions=(unplaced,)))
    plan = planned(autoscaler(2, **GROW), situation(target(readyReplicas=1), pods))
    assert plan.reason == "PodsUnschedulable"
    assert "insufficient cpu" in plan.message
