"""Retries, growing memory, drains and nodes without room, by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from components.cluster import limits as lim
from components.cluster import parameters as par
from components.cluster import sample as smp
from components.cluster import state as st
from components.cluster.compiled import FloatArray
from components.cluster.distributions import sum_of_gammas
from components.cluster.limits import LIMITS_COUNT
from components.cluster.noise import no_noise
from components.cluster.parameters import MIB
from components.cluster.queueing import stalls
from components.cluster.reward import (
    CORE_HOURS,
    EPISODE_COUNT,
    GIB_HOURS,
    REWARD_MEMORY_COUNT,
    RewardWeights,
    reward_one,
)
from components.cluster.simulator import step
from components.cluster.state import initial_state

STARTUP_S = 15.0


def service(**changed: float) -> FloatArray:
    """Parameters [P]: 10 ms of CPU a request, no idling, a start-up of one step."""
    row = par.neutral_row()
    row[par.SERVICE_DEMAND_MS] = 10.0
    row[par.DEMAND_VARIABILITY] = 0.5
    row[par.WAIT_MS] = 1.0
    row[par.PARALLELISM_CORES] = 1.0
    row[par.CONCURRENCY_LIMIT] = 4096.0
    row[par.TIMEOUT_MS] = 60000.0
    row[par.MEMORY_BASE_BYTES] = 100 * MIB
    row[par.MEMORY_RELEASE_PER_STEP] = 1.0
    row[par.STARTUP_S] = STARTUP_S
    row[par.STARTUP_CPU_M] = 1.0
    row[par.OOM_RESTART_S] = 1.0
    row[par.TAIL_FACTOR] = 1.0
    for name, value in changed.items():
        row[par.PARAMETER_NAMES.index(name)] = value
    return row


class Course:
    """One service, moved on step by step without chance."""

    def __init__(self, parameters: FloatArray, replicas: float, rate: float) -> None:
        self.parameters = parameters
        self.allocation = np.array([replicas, 1000.0, 1024 * MIB])
        self.limits = np.zeros(LIMITS_COUNT)
        self.limits[[lim.SLO_LATENCY_MS, lim.SLO_PERCENTILE]] = 100.0, 0.95
        self.limits[[lim.REPLICAS_MIN, lim.REPLICAS_MAX]] = 1, 100
        self.limits[[lim.CPU_MAX_M, lim.MEMORY_MAX_BYTES]] = 64000.0, 64 * par.GIB
        self.state = initial_state(
            parameters[None], self.limits[None], self.allocation[None], np.array([rate])
        )

    def step(self, rate: float) -> FloatArray:
        """The sample [M] of 15 s."""
        self.state, samples = step(
            self.state, self.parameters[None], self.limits[None], self.allocation[None],
            np.array([rate]), no_noise(1, 1)[:, 0],
        )  # fmt: skip
        return samples[0]


def test_a_budget_bounds_the_retries_of_a_dead_service() -> None:
    # Its only replica is killed in each step that it lives in: all 10 requests a second fail.
    course = Course(service(retry_share=0.5, retry_cap=0.4, retry_delay_s=0.0), 1.0, 10.0)
    course.state[0, st.READY] = 0.0
    course.state[0, st.STARTING + 5] = 1.0
    seen = [course.step(10.0) for _ in range(3)]
    # 150 fail, 75 would come again, the budget is .4 * 150 = 60; so 210 arrive from then on.
    assert [sample[smp.ARRIVED] for sample in seen] == [150.0, 210.0, 210.0]
    assert [sample[smp.FAILED] for sample in seen] == [150.0, 210.0, 210.0]
    assert course.state[0, st.RETRYING_REQUESTS] == 60.0


def test_retries_come_with_an_exponential_delay_and_none_is_lost() -> None:
    course = Course(service(retry_share=1.0, retry_cap=10.0, retry_delay_s=30.0), 1.0, 0.0)
    course.state[0, st.RETRYING_REQUESTS] = 100.0
    share = 1.0 - math.exp(-0.5)
    first, second = course.step(0.0), course.step(0.0)
    assert first[smp.ARRIVED] == pytest.approx(100.0 * share)
    assert second[smp.ARRIVED] == pytest.approx(100.0 * share * (1.0 - share))
    came = first[smp.ARRIVED] + second[smp.ARRIVED]
    assert came + course.state[0, st.RETRYING_REQUESTS] == pytest.approx(100.0)


def test_memory_grows_with_age_until_the_limit_kills_and_begins_anew() -> None:
    # 240 MiB an hour are 1 MiB a step; the base of 100 MiB meets the limit of 103 in the third.
    course = Course(service(memory_growth_bytes_per_h=240 * MIB), 1.0, 0.0)
    course.allocation[lim.MEMORY_BYTES] = 103 * MIB
    course.state[0, [st.MEMORY_BYTES_NOW, st.MEMORY_BYTES_TARGET]] = 103 * MIB
    course.state[0, st.MEMORY_LEVEL_BYTES] = 100 * MIB
    seen = [course.step(0.0) for _ in range(3)]
    assert [sample[smp.EXACT_MEMORY_BYTES] / MIB for sample in seen] == [101.0, 102.0, 103.0]
    assert [sample[smp.OOM_KILLS] for sample in seen] == [0.0, 0.0, 1.0]
    assert course.state[0, st.GROWN_BYTES] == 0.0


def test_a_new_replica_has_not_grown_and_lowers_the_mean() -> None:
    course = Course(service(memory_growth_bytes_per_h=240 * MIB), 2.0, 0.0)
    for _ in range(3):
        course.step(0.0)
    course.allocation[lim.REPLICAS] = 3.0
    course.step(0.0)
    # Two of 3 MiB and one of 0 are 2 on average; then the step's own 1.
    assert course.state[0, st.GROWN_BYTES] / MIB == pytest.approx(3.0)


def test_a_removed_replica_takes_its_share_of_the_queue_serves_it_and_is_paid_for() -> None:
    # A replica does 100 requests a second: 1500 in a step. Two have 4000 queued and lose one.
    course = Course(service(drain_s=20.0), 2.0, 0.0)
    course.state[0, st.QUEUED_REQUESTS] = 4000.0
    course.allocation[lim.REPLICAS] = 1.0
    first, second, third = (course.step(0.0) for _ in range(3))
    # Both serve 1500 of their 2000; then the rest, the draining one in the 5 s that it has left.
    assert first[smp.SERVED] == pytest.approx(3000.0)
    assert first[smp.QUEUED] == pytest.approx(1000.0)
    assert second[smp.SERVED] == pytest.approx(1000.0)
    assert second[smp.FAILED] == pytest.approx(0.0)
    assert [s[smp.REPLICAS_DRAINING] for s in (first, second, third)] == pytest.approx(
        [1, 1 / 3, 0]
    )
    assert [s[smp.REPLICAS_WANTED] for s in (first, second, third)] == [1.0, 1.0, 1.0]


def test_what_a_draining_replica_has_not_served_at_its_end_has_failed() -> None:
    course = Course(service(drain_s=5.0), 2.0, 0.0)
    course.state[0, st.QUEUED_REQUESTS] = 4000.0
    course.allocation[lim.REPLICAS] = 1.0
    sample = course.step(10.0)
    # 500 in its 5 s, 1500 lost. The other one takes all that arrives.
    assert sample[smp.FAILED] == pytest.approx(1500.0)
    assert sample[smp.SERVED] == pytest.approx(2000.0)
    assert sample[smp.QUEUED] == pytest.approx(650.0)
    assert sample[smp.EXACT_FAILED_RATIO] == 1.0


def test_without_a_drain_the_others_take_over_the_whole_queue() -> None:
    course = Course(service(), 2.0, 0.0)
    course.state[0, st.QUEUED_REQUESTS] = 4000.0
    course.allocation[lim.REPLICAS] = 1.0
    sample = course.step(0.0)
    assert sample[smp.QUEUED] == pytest.approx(2500.0)
    assert sample[smp.REPLICAS_DRAINING] == 0.0


def test_replicas_beyond_the_nodes_wait_and_start_when_there_is_room() -> None:
    # Room for three of a core each; the fourth and fifth wait and cost nothing.
    course = Course(service(node_cpu_m=3999.0), 2.0, 0.0)
    course.allocation[lim.REPLICAS] = 5.0
    first, second, third = (course.step(0.0) for _ in range(3))
    assert first[smp.REPLICAS_WANTED] == 5.0
    assert first[smp.REPLICAS_PENDING] == second[smp.REPLICAS_PENDING] == 2.0
    # Created at the beginning of the first step, it is ready after 15 s.
    assert [s[smp.REPLICAS_READY] for s in (first, second, third)] == [2.0, 3.0, 3.0]
    # At half the size there is room for all: resized in the next step, then created.
    course.allocation[lim.CPU_M] = 500.0
    assert course.step(0.0)[smp.REPLICAS_PENDING] == 0.0
    assert course.step(0.0)[smp.REPLICAS_READY] == 5.0


def test_those_that_wait_for_a_node_are_the_first_to_go() -> None:
    course = Course(service(node_memory_bytes=2048 * MIB), 2.0, 0.0)
    course.allocation[lim.REPLICAS] = 4.0
    course.step(0.0)
    course.allocation[lim.REPLICAS] = 3.0
    sample = course.step(0.0)
    assert (sample[smp.REPLICAS_READY], sample[smp.REPLICAS_PENDING]) == (2.0, 1.0)


def test_a_resize_is_deferred_until_it_fits() -> None:
    course = Course(service(node_cpu_m=3000.0), 2.0, 0.0)
    course.allocation[lim.CPU_M] = 2000.0
    assert course.step(0.0)[smp.CPU_REQUEST_M] == 1000.0
    course.allocation[lim.REPLICAS] = 1.0
    course.step(0.0)
    assert course.step(0.0)[smp.CPU_REQUEST_M] == 2000.0


def test_a_scheduling_delay_comes_before_the_start() -> None:
    ready = []
    for delay_s in (0.0, 30.0):
        course = Course(service(scheduling_delay_s=delay_s), 1.0, 0.0)
        course.allocation[lim.REPLICAS] = 2.0
        ready.append([course.step(0.0)[smp.REPLICAS_READY] for _ in range(4)])
    assert ready == [[1.0, 2.0, 2.0, 2.0], [1.0, 1.0, 1.0, 2.0]]


def test_cost_is_of_the_replicas_that_hold_a_place() -> None:
    samples = np.zeros((4, smp.SAMPLE_COUNT))
    samples[:, smp.REPLICAS_WANTED] = 5.0
    samples[:, smp.REPLICAS_PENDING] = 2.0
    samples[:, smp.REPLICAS_DRAINING] = 1.0
    samples[:, smp.CPU_REQUEST_M] = 500.0
    samples[:, smp.MEMORY_REQUEST_BYTES] = 256 * MIB
    course, totals = Course(service(), 1.0, 0.0), np.zeros(EPISODE_COUNT)
    reward_one(
        samples, course.limits, course.allocation, course.allocation,
        np.zeros(REWARD_MEMORY_COUNT), RewardWeights().row(), totals,
    )  # fmt: skip
    # Four of half a core and a quarter of a GiB for a minute.
    assert totals[CORE_HOURS] == pytest.approx(2.0 / 60.0)
    assert totals[GIB_HOURS] == pytest.approx(1.0 / 60.0)


def test_stalls_add_what_a_request_meets_and_what_comes_while_it_works() -> None:
    # A tenth of the time in stalls of 60 ms; 20 ms of work.
    mean_s, variance = stalls(0.02, 0.1, 0.06)
    # Met with probability .1, 30 ms left; while it works, 20 ms * .1 / .9 more.
    assert mean_s == pytest.approx(0.003 + 0.02 / 9.0)
    assert variance == pytest.approx(0.1 * 0.0012 - 0.003**2 + 0.02 / 9.0 * 0.06)


def test_a_sum_of_gammas_keeps_its_cumulants_and_a_constant_is_a_shift() -> None:
    # Exponentials of the same mean 2 add up to an Erlang variable of mean 4 and variance 8.
    assert sum_of_gammas(2.0, 4.0, 2.0, 4.0) == pytest.approx((0.0, 4.0, 8.0))
    # Mean 3, variance 3 plus the constant 5.
    assert sum_of_gammas(3.0, 3.0, 5.0, 0.0) == pytest.approx((5.0, 3.0, 3.0))
    # Third cumulants 2 v^2 / m: 2 and 16; shift, then scale k3 / (2 k2) = 9 / 5.
    shift, mean, variance = sum_of_gammas(1.0, 1.0, 2.0, 4.0)
    assert shift + mean == pytest.approx(3.0)
    assert variance / mean == pytest.approx(9.0 / 5.0)


def test_a_wait_that_varies_shows_in_the_slow_requests_and_not_in_the_mean() -> None:
    # 100 ms of exponential wait and next to no work: the 95th percentile is 100 ln 20 = 299.6 ms.
    seen = []
    for variability in (0.0, 1.0):
        parameters = service(service_demand_ms=0.2, wait_ms=100.0, wait_variability=variability)
        seen.append(Course(parameters, 1.0, 10.0).step(10.0))
    constant, varying = seen
    assert constant[smp.EXACT_LATENCY_MS] == pytest.approx(100.0, rel=0.02)
    assert varying[smp.EXACT_LATENCY_MS] == pytest.approx(299.6, rel=0.02)
    assert varying[smp.LATENCY_P50_MS] == pytest.approx(69.3, rel=0.03)
    assert varying[smp.CONCURRENCY] == constant[smp.CONCURRENCY]


@pytest.mark.parametrize(("arrivals", "wait_ms"), [(1.0, 10.0), (0.1, 5.5), (4.0, 25.0)])
def test_bursts_of_arrivals_lengthen_the_wait_as_kingman_has_it(
    arrivals: float, wait_ms: float
) -> None:
    # Exponential service of 10 ms at half load: (a + 1) / 2 * .5 / .5 * 10 ms, on a whole core.
    parameters = service(demand_variability=1.0, arrival_variability=arrivals)
    sample = Course(parameters, 1.0, 50.0).step(50.0)
    mean_ms = 1e3 * sample[smp.CONCURRENCY] / 50.0
    assert mean_ms - 10.0 - 1.0 == pytest.approx(wait_ms, rel=1e-6)
