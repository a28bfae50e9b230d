"""Formulas against queueing theory's closed results."""

import math

import pytest
from scipy import stats

from components.cluster.distributions import gamma_quantile, gamma_tail, normal_quantile
from components.cluster.queueing import quota_waiting, station, waiting

DEMAND_S = 0.01


def latency(rate: float, cores: float, variability: float, z: float) -> tuple[float, float]:
    mean, variance, _, _ = station(rate, 64.0, DEMAND_S, variability, 0.0, cores, 4096.0)
    return mean, gamma_quantile(mean, variance, z)


@pytest.mark.parametrize("load", [0.1, 0.5, 0.8, 0.95])
def test_m_m_1_has_the_exponential_sojourn_of_theory(load: float) -> None:
    mean, p99 = latency(load / DEMAND_S, 1.0, 1.0, normal_quantile(0.99))
    assert mean == pytest.approx(DEMAND_S / (1 - load), rel=1e-6)
    assert p99 == pytest.approx(math.log(100) * DEMAND_S / (1 - load), rel=0.01)


@pytest.mark.parametrize("load", [0.3, 0.7, 0.9])
def test_m_d_1_waits_half_as_long(load: float) -> None:
    wait, _ = waiting(load / DEMAND_S, DEMAND_S, 1.0, 0.0)
    assert wait == pytest.approx(load * DEMAND_S / (2 * (1 - load)))


@pytest.mark.parametrize(
    ("servers", "load", "erlang_c"),
    # C(2, 1) = 1/3; C(4, 3.2) = 0.5964; C(10, 8) = 0.4092 (tables of Erlang C)
    [(2.0, 0.5, 1 / 3), (4.0, 0.8, 0.5964), (10.0, 0.8, 0.4092)],
)
def test_m_m_c_waits_with_erlang_s_probability(
    servers: float, load: float, erlang_c: float
) -> None:
    wait, probability = waiting(load * servers / DEMAND_S, DEMAND_S, servers, 1.0)
    assert probability == pytest.approx(erlang_c, rel=1e-3)
    assert wait == pytest.approx(erlang_c * DEMAND_S / (servers * (1 - load)), rel=1e-3)


def test_broken_numbers_of_servers_lie_between_whole_ones() -> None:
    waits = [waiting(0.8 * c / DEMAND_S, DEMAND_S, c, 1.0)[1] for c in (2.0, 2.3, 2.7, 3.0)]
    assert waits == sorted(waits, reverse=True)


def test_capacity_is_the_least_of_quota_cores_and_slots() -> None:
    def capacity(quota: float, cores: float, slots: float, wait_s: float) -> float:
        return station(1.0, quota, DEMAND_S, 0.5, wait_s, cores, slots)[3]

    assert capacity(0.5, 2.0, 100.0, 0.0) == pytest.approx(50.0)
    assert capacity(8.0, 2.0, 100.0, 0.0) == pytest.approx(200.0)
    # Four slots held for 110 ms each.
    assert capacity(8.0, 2.0, 4.0, 0.1) == pytest.approx(4 / 0.11)


def test_a_quota_that_is_never_spent_costs_nothing() -> None:
    wait, spent = quota_waiting(1.0, 0.001, 2.0, 0.1)
    assert wait == pytest.approx(0.0, abs=1e-12)
    assert spent == pytest.approx(0.0, abs=1e-12)


def test_a_nearly_spent_quota_waits_as_its_fluid_queue() -> None:
    # Heavy traffic: rho (1 + v) / 2 * D / (q (1 - rho)).
    wait, spent = quota_waiting(0.97 * 0.5 / DEMAND_S, DEMAND_S, 0.5, 1.0)
    fluid = 0.97 * DEMAND_S / (0.5 * 0.03)
    assert 0.75 * fluid < wait < fluid
    assert spent > 0.8


@pytest.mark.parametrize("probability", [0.5, 0.9, 0.95, 0.99, 0.999])
def test_normal_quantiles(probability: float) -> None:
    assert normal_quantile(probability) == pytest.approx(stats.norm.ppf(probability), abs=1e-3)
    assert normal_quantile(1 - probability) == pytest.approx(
        stats.norm.ppf(1 - probability), abs=1e-3
    )


@pytest.mark.parametrize("shape", [0.5, 1.0, 4.0, 30.0])
@pytest.mark.parametrize("probability", [0.5, 0.9, 0.99])
def test_gamma_quantiles_and_tails(shape: float, probability: float) -> None:
    exact = stats.gamma.ppf(probability, shape, scale=2.0 / shape)
    found = gamma_quantile(2.0, 4.0 / shape, stats.norm.ppf(probability))
    assert found == pytest.approx(exact, rel=0.08)
    assert gamma_tail(2.0, 4.0 / shape, exact) == pytest.approx(1 - probability, rel=0.12)
