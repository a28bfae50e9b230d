"""Plans: around the demand, within the bounds, with every kind of incident."""

import itertools

import numpy as np
import pytest

from tests.recorder.schedule import (
    CALM,
    COLD_START,
    EXPLORE,
    QUICK,
    SQUEEZE,
    STARVE,
    demand_m,
    plan,
)
from tests.recorder.services import LATER, SERVICES

HOUR_S = 3600


def hour_plan(service, seed=0):
    rates = np.full(HOUR_S, service.rate.mean_per_s)
    return plan(service, rates, np.random.default_rng(seed))


def test_demand_is_rate_times_cpu_per_request():
    catalog = next(service for service in SERVICES if service.name == "catalog")
    # 16 units of 0.5 ms and 0.4 ms of HTTP, at 10 requests/s
    assert demand_m(catalog, np.full(60, 10.0)) == pytest.approx(84.0)


@pytest.mark.parametrize("service", SERVICES, ids=lambda service: service.name)
def test_every_allocation_is_within_the_service_s_bounds(service):
    for change in hour_plan(service):
        allocation = change.allocation
        assert 1 <= allocation.replicas <= 4
        assert service.cpu_min_m <= allocation.cpu_m <= service.cpu_max_m
        assert service.memory_min_bytes <= allocation.memory_bytes <= service.memory_max_bytes


@pytest.mark.parametrize("service", SERVICES, ids=lambda service: service.name)
def test_an_hour_holds_each_kind_of_incident_and_changes_in_order(service):
    changes = hour_plan(service)
    assert {change.reason for change in changes} == {EXPLORE, STARVE, SQUEEZE, COLD_START}
    times = np.array([change.at_s for change in changes])
    assert times[0] == 0
    assert np.diff(times).min() >= CALM.alone_s[0]
    assert np.diff(times).max() <= CALM.held_s[1]


def test_most_explored_allocations_exceed_the_demand_and_starved_ones_fall_short():
    explored, starved = [], []
    for service in SERVICES:
        for change in hour_plan(service)[1:]:
            cpu = change.allocation.replicas * change.allocation.cpu_m
            share = cpu / demand_m(service, np.full(60, service.rate.mean_per_s))
            if change.reason == EXPLORE:
                explored.append(share)
            elif change.reason == STARVE:
                starved.append(share)
    assert min(explored) > 0.8
    assert max(explored) < 3.2
    assert np.mean(np.array(explored) > 1.15) > 0.7
    assert max(starved) < 0.9


def test_a_cold_start_scales_one_pod_out_to_several():
    for service in SERVICES:
        changes = hour_plan(service)
        pairs = [
            (first, second)
            for first, second in itertools.pairwise(changes)
            if first.reason == second.reason == COLD_START
        ]
        assert pairs
        for first, second in pairs:
            assert first.allocation.replicas == 1
            assert second.allocation.replicas >= 2


def test_the_quick_pace_has_every_kind_within_four_minutes():
    for service in SERVICES:
        rates = np.full(240, service.rate.mean_per_s)
        changes = plan(service, rates, np.random.default_rng(0), QUICK)
        assert {change.reason for change in changes} == {EXPLORE, STARVE, SQUEEZE, COLD_START}


def test_a_plan_depends_on_its_seed_alone():
    assert hour_plan(SERVICES[0]) == hour_plan(SERVICES[0])
    assert hour_plan(SERVICES[0]) != hour_plan(SERVICES[0], seed=1)


def test_later_one_service_is_a_slower_build_and_two_are_the_same():
    main = {service.key: service for service in SERVICES}
    changed = [service for service in LATER if main[service.key] != service]
    assert len(LATER) == 3
    assert [service.name for service in changed] == ["checkout"]
    assert changed[0].demand_ms > 1.7 * main["shop/checkout"].demand_ms


@pytest.mark.parametrize("service", SERVICES, ids=lambda service: service.name)
@pytest.mark.parametrize("seed", range(5))
def test_a_quick_plan_supplies_well_and_then_starves(service, seed):
    rates = np.full(240, service.rate.mean_per_s)
    first, second = plan(service, rates, np.random.default_rng(seed), QUICK)[:2]
    demand = demand_m(service, rates)
    assert first.reason == EXPLORE
    assert first.allocation.replicas * first.allocation.cpu_m >= 2.5 * demand
    assert second.reason == STARVE
    assert 50 <= second.at_s <= 60
    smallest_m = second.allocation.replicas * service.cpu_min_m
    assert second.allocation.replicas * second.allocation.cpu_m <= max(0.5 * demand, smallest_m)
