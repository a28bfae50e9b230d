"""One composition, twice: as the simulator's profile and as the real service."""

import functools
import json

import numpy as np
import pytest

from components.cluster import parameters as par
from components.cluster.compositions import ComposedSegment, Composition, compositions
from components.cluster.segments import CPU_KINDS, WAIT_KINDS
from tests.images.synthetic_app.measure_segments import measured

REQUESTS = 5
QUICK = {"start_delay_s": 0.0, "warm_up_units": 0.0}


@functools.cache
def machine_factor():
    """How much longer CPU work takes here than where the segments were measured."""
    work = Composition((ComposedSegment("json", 30.0, 0.0), ComposedSegment("hash", 30.0, 0.0)))
    found = measured(work.settings() | QUICK, REQUESTS)
    return found.cpu_ms / work.parameters()[par.SERVICE_DEMAND_MS]


def test_the_service_knows_every_kind_that_is_composed():
    from work import KINDS, WAITS

    assert set(CPU_KINDS) == set(KINDS)
    assert set(WAIT_KINDS) == set(WAITS)


def test_a_thousand_compositions_are_settings_of_the_service():
    from settings import settings_from_json

    for each in compositions(np.random.default_rng(0), 1000):
        settings = settings_from_json(json.dumps(each.settings()))
        assert len(settings.segments) == len(each.segments)
        assert settings.concurrency == each.concurrency


@pytest.mark.parametrize(
    "kinds",
    [("regex", "network", "sort"), ("image", "query", "database"), ("route", "csv", "template")],
)
def test_profile_and_service_agree_on_cpu_and_memory_and_how_quick_a_request_can_be(kinds):
    segments = tuple(
        ComposedSegment(kind, 40.0 if kind in WAIT_KINDS else 16.0, 0.0) for kind in kinds
    )
    composition = Composition(segments, request_memory_bytes=0)
    found = measured(composition.settings() | QUICK, REQUESTS)
    parameters, factor = composition.parameters(), machine_factor()
    demand_ms = factor * parameters[par.SERVICE_DEMAND_MS]
    assert found.cpu_ms == pytest.approx(demand_ms, rel=0.25)
    # Alone, a request takes its CPU and its waits; another process may take the core meanwhile.
    # No upper bound: while others use the core, a request waits for it.
    assert found.latency_ms > 0.75 * (composition.wait_ms + demand_ms)
    assert found.memory_bytes == pytest.approx(parameters[par.MEMORY_BASE_BYTES], rel=0.15)
