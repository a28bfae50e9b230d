import math
from dataclasses import dataclass

import numpy as np
import pytest

from components.cluster import limits as lim
from components.cluster import parameters as par
from components.cluster import sample as smp
from components.cluster.limits import LIMITS_COUNT
from components.cluster.noise import no_noise
from components.cluster.parameters import neutral_row
from components.cluster.simulator import step
from components.cluster.state import initial_state
from tests.queueing_theory import (
    erlang_c,
    gamma_service,
    hyperexponential_service,
    md1_quantile,
    mg1_quantile,
    mg1_wait,
    mmc_quantile,
    mmc_wait,
)

DEMAND_S = 0.01
# Time that is neither CPU nor waiting for it: the least that a service can have.
OTHER_S = 0.05e-3
LOADS = (0.3, 0.5, 0.7, 0.8, 0.9, 0.95)
WITHIN = 0.05


@dataclass(frozen=True, slots=True)
class Steady:
    """What the simulator shows of a service in balance, in s."""

    wait: float
    quantile: float


def simulated(
    load: float, cores: int, variability: float, percentile: float = 0.99, replicas: int = 1
) -> Steady:
    """A service with a core for each server and no other limit, after ten minutes."""
    rate = load * cores / DEMAND_S * replicas
    row = neutral_row()
    row[par.SERVICE_DEMAND_MS] = 1e3 * DEMAND_S
    row[par.DEMAND_VARIABILITY] = variability
    row[par.WAIT_MS] = 1e3 * OTHER_S
    row[par.PARALLELISM_CORES] = cores
    row[par.CONCURRENCY_LIMIT] = 4096
    row[par.TIMEOUT_MS] = 60000
    row[par.IDLE_CPU_M] = 0.1
    row[par.MEMORY_BASE_BYTES] = par.MIB
    row[par.STARTUP_S] = row[par.STARTUP_CPU_M] = row[par.OOM_RESTART_S] = 1.0
    row[par.TAIL_FACTOR] = 1.0
    limits = np.zeros(LIMITS_COUNT)
    limits[lim.SLO_LATENCY_MS] = 1000
    limits[lim.SLO_PERCENTILE] = percentile
    # The idle CPU comes on top of the cores.
    cpu_m = 1e3 * cores + 0.1
    allocation = np.array([replicas, cpu_m, par.GIB])
    limits[[lim.REPLICAS_MIN, lim.REPLICAS_MAX]] = replicas
    limits[[lim.CPU_MIN_M, lim.CPU_MAX_M]] = cpu_m
    limits[[lim.MEMORY_MIN_BYTES, lim.MEMORY_MAX_BYTES]] = par.GIB
    rows, bounds, sizes, rates = row[None], limits[None], allocation[None], np.array([rate])
    state = initial_state(rows, bounds, sizes, rates)
    for _ in range(40):
        state, samples = step(state, rows, bounds, sizes, rates, no_noise(1, 1)[:, 0])
    # Little's law: requests at work = rate * mean time.
    mean = samples[0, smp.CONCURRENCY] / rate
    return Steady(
        wait=mean - DEMAND_S - OTHER_S,
        quantile=samples[0, smp.EXACT_LATENCY_MS] * 1e-3 - OTHER_S,
    )


def test_erlang_c_is_that_of_the_textbooks() -> None:
    # One server: the load. Two servers at one erlang: 1/3 (2 rho^2 / (1 + rho), rho = 1/2).
    assert erlang_c(1, 0.7) == pytest.approx(0.7)
    assert erlang_c(2, 1.0) == pytest.approx(1 / 3)


def test_the_exact_quantiles_agree_where_two_of_them_apply() -> None:
    # M/M/1: the sojourn is exponential with mean D / (1 - rho).
    exponential = -math.log(0.01) * DEMAND_S / 0.3
    assert mmc_quantile(70.0, DEMAND_S, 1, 0.99) == pytest.approx(exponential)
    service = gamma_service(DEMAND_S, 1.0)
    assert mg1_quantile(70.0, DEMAND_S, service, 0.99) == pytest.approx(exponential, rel=1e-5)
    nearly_constant = gamma_service(DEMAND_S, 1e-4)
    assert md1_quantile(70.0, DEMAND_S, 0.99) == pytest.approx(
        mg1_quantile(70.0, DEMAND_S, nearly_constant, 0.99), rel=1e-3
    )


@pytest.mark.parametrize("load", LOADS)
@pytest.mark.parametrize("servers", [1, 2, 4, 8, 16])
def test_mmc(servers: int, load: float) -> None:
    rate = load * servers / DEMAND_S
    found = simulated(load, servers, 1.0)
    assert found.wait == pytest.approx(mmc_wait(rate, DEMAND_S, servers), rel=WITHIN, abs=1e-9)
    assert found.quantile == pytest.approx(mmc_quantile(rate, DEMAND_S, servers, 0.99), rel=WITHIN)


@pytest.mark.parametrize("load", LOADS)
def test_md1(load: float) -> None:
    rate = load / DEMAND_S
    # The least variability that a service can have is 0.02.
    found = simulated(load, 1, 0.02)
    assert found.wait == pytest.approx(mg1_wait(rate, DEMAND_S, 0.0), rel=WITHIN)
    assert found.quantile == pytest.approx(md1_quantile(rate, DEMAND_S, 0.99), rel=WITHIN)


@pytest.mark.parametrize("load", LOADS)
@pytest.mark.parametrize("variability", [0.1, 0.25, 0.5, 2.0, 4.0])
def test_mg1_with_gamma_service(variability: float, load: float) -> None:
    rate = load / DEMAND_S
    found = simulated(load, 1, variability)
    assert found.wait == pytest.approx(mg1_wait(rate, DEMAND_S, variability), rel=WITHIN)
    exact = mg1_quantile(rate, DEMAND_S, gamma_service(DEMAND_S, variability), 0.99)
    assert found.quantile == pytest.approx(exact, rel=WITHIN)


@pytest.mark.parametrize(("load", "within"), [(0.5, 0.1), (0.7, 0.06), (0.8, 0.05), (0.9, 0.05)])
def test_mg1_with_two_kinds_of_requests(load: float, within: float) -> None:
    # Two moments don't tell a mix of exponentials from a gamma: its far tail is longer, most of
    # all where little waits.
    rate = load / DEMAND_S
    found = simulated(load, 1, 2.0)
    exact = mg1_quantile(rate, DEMAND_S, hyperexponential_service(DEMAND_S, 2.0), 0.99)
    assert found.quantile == pytest.approx(exact, rel=within)


@pytest.mark.parametrize("percentile", [0.9, 0.95])
@pytest.mark.parametrize("load", [0.5, 0.8])
def test_other_percentiles_of_mm4(load: float, percentile: float) -> None:
    rate = load * 4 / DEMAND_S
    exact = mmc_quantile(rate, DEMAND_S, 4, percentile)
    assert simulated(load, 4, 1.0, percentile).quantile == pytest.approx(exact, rel=WITHIN)


def test_replicas_share_the_requests_evenly() -> None:
    alone, three = simulated(0.8, 2, 1.0), simulated(0.8, 2, 1.0, replicas=3)
    assert three.wait == pytest.approx(alone.wait)
    assert three.quantile == pytest.approx(alone.quantile)
