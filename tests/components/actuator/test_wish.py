from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.actuator.wish import Wish, wish_of
from components.kubernetes_api.autoscaler import MultidimPodAutoscaler
from components.kubernetes_api.container_policy import Size
from components.kubernetes_api.errors import BadObjectError
from components.kubernetes_api.resources import Resources
from tests.components.actuator.objects import MI, autoscaler

CURRENT = {"app": Resources(200, 100 * MI, 400, 100 * MI), "proxy": Resources(20, 16 * MI)}
BOUNDED = {"global": {"minReplicas": 1, "maxReplicas": 6}}


def wished(mine: MultidimPodAutoscaler, replicas: int = 2) -> Wish:
    return wish_of(mine, replicas, CURRENT)


def bounds(lower: Size, target: Size, upper: Size) -> MultidimPodAutoscaler:
    mine = autoscaler(2)
    recommendation = replace(mine.recommendations[0], lower=lower, target=target, upper=upper)
    return replace(mine, recommendations=(recommendation,))


def test_limits_keep_their_ratio_and_other_containers_are_left_out() -> None:
    wish = wished(autoscaler(3, "300m", "150Mi"))
    assert wish == Wish(3, {"app": Resources(300, 150 * MI, 600, 150 * MI)})


def test_with_requests_only_the_limit_stays_and_caps_the_request() -> None:
    policy = {"containerPolicies": [{"containerName": "app", "controlledValues": "RequestsOnly"}]}
    mine = autoscaler(3, "500m", "150Mi", resourcePolicy=policy)
    assert wished(mine).sizes == {"app": Resources(400, 100 * MI, 400, 100 * MI)}


def test_what_the_user_does_not_let_be_changed_stays() -> None:
    off = {"container": [{"name": "app", "mode": "Off"}], **BOUNDED}
    assert wished(autoscaler(3, "300m", "150Mi", constraints=off)).sizes == {}
    memory = {"containerControlledResources": ["memory"], **BOUNDED}
    assert wished(autoscaler(3, "300m", "150Mi", constraints=memory)).sizes == {
        "app": Resources(200, 150 * MI, 400, 150 * MI)
    }
    sidecars = {"containerPolicies": [{"containerName": "*", "mode": "Off"}]}
    assert wished(autoscaler(3, "300m", "150Mi", resourcePolicy=sidecars)).sizes == {}


def test_the_users_bounds_hold_the_stricter_of_two() -> None:
    constraints = {
        "container": [
            {
                "name": "app",
                "requests": {"minAllowed": {"cpu": "100m"}, "maxAllowed": {"cpu": "250m"}},
            }
        ],
        **BOUNDED,
    }
    policy = {
        "containerPolicies": [
            {"containerName": "app", "minAllowed": {"cpu": "150m"}, "maxAllowed": {"cpu": "900m"}}
        ]
    }
    for cpu, given_cpu in (("300m", 250), ("120m", 150)):
        mine = autoscaler(3, cpu, "100Mi", constraints=constraints, resourcePolicy=policy)
        assert wished(mine).sizes["app"].cpu_request_m == given_cpu


def test_a_size_between_lower_and_upper_bound_is_left_as_it_is() -> None:
    within = bounds(Size(150, 90 * MI), Size(300, 150 * MI), Size(320, 200 * MI))
    assert wished(within).sizes == {"app": CURRENT["app"]}
    outside = bounds(Size(250, 90 * MI), Size(300, 150 * MI), Size(320, 200 * MI))
    assert wished(outside).sizes == {"app": Resources(300, 100 * MI, 600, 100 * MI)}


@pytest.mark.parametrize(
    "mine",
    [
        bounds(Size(400), Size(300), Size(500)),
        bounds(Size(100), Size(300), Size(200)),
        bounds(Size(), Size(0), Size()),
        bounds(Size(), Size(100, 64), Size()),
        replace(
            autoscaler(2),
            recommendations=(replace(autoscaler(2).recommendations[0], container="absent"),),
        ),
    ],
)
def test_a_recommendation_that_contradicts_itself_or_the_workload_is_refused(
    mine: MultidimPodAutoscaler,
) -> None:
    with pytest.raises(BadObjectError):
        wished(mine)


@given(st.integers(0, 10_000), st.integers(1, 5), st.integers(5, 40), st.integers(1, 50))
def test_replicas_are_within_the_bounds_and_never_none(
    desired: int, low: int, high: int, current: int
) -> None:
    mine = replace(autoscaler(1), desired_replicas=desired, replicas_min=low, replicas_max=high)
    assert max(low, 1) <= wished(mine, current).replicas <= high


@given(st.integers(1, 100_000), st.integers(4, 100_000), st.integers(1, 4000), st.integers(1, 8000))
def test_a_limit_is_never_below_its_request_and_applying_twice_changes_nothing(
    cpu_m: int, memory_mi: int, request_m: int, limit_m: int
) -> None:
    current = {"app": Resources(min(request_m, limit_m), 64 * MI, max(request_m, limit_m), 64 * MI)}
    mine = autoscaler(2, f"{cpu_m}m", f"{memory_mi}Mi")
    once = wish_of(mine, 2, current).sizes
    assert (once["app"].cpu_limit_m or 0) >= (once["app"].cpu_request_m or 0)
    assert once["app"].memory_limit_bytes == once["app"].memory_request_bytes
    assert wish_of(mine, 2, once).sizes == once
