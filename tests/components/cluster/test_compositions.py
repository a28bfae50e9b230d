"""Compositions of measured segments as profiles of the simulator."""

from __future__ import annotations

import numpy as np
import pytest

from components.cluster import parameters as par
from components.cluster.compositions import (
    ComposedSegment,
    Composition,
    compositions,
    possible_kinds,
)
from components.cluster.segments import CPU_KINDS, REQUEST_CPU_MS, SEGMENTS


def test_sixteen_kinds_of_work_make_more_than_a_thousand_applications() -> None:
    assert len(CPU_KINDS) >= 16
    assert len(set(possible_kinds())) >= 1000
    made = compositions(np.random.default_rng(0), 1000)
    assert len({frozenset(segment.kind for segment in each.segments) for each in made}) == 1000
    assert all(1 <= len(each.segments) <= 3 for each in made)


def test_demands_add_up_and_their_variances_too() -> None:
    json, words = SEGMENTS["json"].cpu_ms, SEGMENTS["words"].cpu_ms
    parameters = Composition(
        (ComposedSegment("json", 10.0, 1.0), ComposedSegment("words", 20.0, 0.5))
    ).parameters()
    demand = REQUEST_CPU_MS + 10.0 * json + 20.0 * words
    variance = (10.0 * json) ** 2 + 0.5 * (20.0 * words) ** 2
    assert parameters[par.SERVICE_DEMAND_MS] == pytest.approx(demand)
    assert parameters[par.DEMAND_VARIABILITY] == pytest.approx(variance / demand**2)
    assert parameters[par.WAIT_MS] == par.SERVICE_PARAMETERS[par.WAIT_MS].low


def test_waits_add_to_the_time_and_barely_to_the_cpu() -> None:
    plain = Composition((ComposedSegment("json", 10.0, 0.0),)).parameters()
    waits = Composition(
        (ComposedSegment("json", 10.0, 0.0), ComposedSegment("network", 30.0, 0.0))
    ).parameters()
    assert waits[par.WAIT_MS] == pytest.approx(30.0 + SEGMENTS["network"].late_ms)
    assert waits[par.SERVICE_DEMAND_MS] - plain[par.SERVICE_DEMAND_MS] == pytest.approx(
        SEGMENTS["network"].cpu_ms
    )


def test_the_variances_of_waits_add_up() -> None:
    late_ms = SEGMENTS["network"].late_ms + SEGMENTS["wait"].late_ms
    parameters = Composition(
        (ComposedSegment("network", 30.0, 0.5), ComposedSegment("wait", 10.0, 1.0))
    ).parameters()
    # .5 * 900 + 100 over (40 + what they are late)^2.
    assert parameters[par.WAIT_VARIABILITY] == pytest.approx(550.0 / (40.0 + late_ms) ** 2)
    alone = Composition((ComposedSegment("json", 10.0, 1.0),)).parameters()
    assert alone[par.WAIT_VARIABILITY] == 0.0


def test_every_composition_is_a_legal_profile() -> None:
    rows = np.stack([each.parameters() for each in compositions(np.random.default_rng(1), 1200)])
    assert np.all(np.isfinite(rows))
    assert np.array_equal(par.clip_parameters(rows), rows)


def test_the_same_seed_composes_the_same_applications() -> None:
    first, second = (compositions(np.random.default_rng(3), 20) for _ in range(2))
    assert first == second
