import numpy as np
import pytest

from components.cluster import limits as lim
from components.cluster import sample as smp
from components.cluster.applications import sample_applications
from components.cluster.noise import draw_noise
from components.cluster.rates import synthetic_rates
from components.policy import rule as remembered
from components.policy.hand_over import take_over
from components.policy.rule_parameters import default_rule
from components.policy.rule_rollout import nothing_seen, rollout_rule

MIB = 1024.0**2
PARAMETERS, LIMITS, MEANS = sample_applications(np.random.default_rng(4), 1)
RULE = default_rule()


def watched_steps(steps: int, rate: float, memory_bytes: float, latency_ms: float) -> np.ndarray:
    """Two replicas of 500 m that use 2 m a request and second; always missing the objective."""
    samples = np.zeros((steps, smp.SAMPLE_COUNT))
    samples[:, smp.REPLICAS_WANTED] = samples[:, smp.REPLICAS_READY] = 2.0
    samples[:, smp.CPU_REQUEST_M] = 500.0
    samples[:, smp.CPU_USAGE_M] = 2.0 * rate
    samples[:, smp.MEMORY_REQUEST_BYTES] = 2.0 * memory_bytes
    samples[:, smp.MEMORY_WORKING_SET_BYTES] = memory_bytes
    samples[:, smp.REQUEST_RATE_PER_S] = rate
    samples[:, smp.LATENCY_MS] = latency_ms
    return samples


def state_after(past: np.ndarray) -> np.ndarray:
    state = np.full(remembered.RULE_STATE_COUNT, 7.0)
    take_over(state, RULE, past, LIMITS[0])
    return state


def test_a_rule_that_takes_over_knows_demand_rate_and_the_peak_of_memory() -> None:
    past = np.concatenate(
        [watched_steps(4, 100.0, 300.0 * MIB, 1.0), watched_steps(4, 50.0, 100.0 * MIB, 1.0)]
    )
    state = state_after(past)
    assert state[remembered.DEMAND_MS] == pytest.approx(2.0)
    assert state[remembered.RATE] == 50.0
    # A minute after the peak: what was above the newest value, less one minute's decay of 95.
    expected = (100.0 + 200.0 * 2.0 ** (-1.0 / 95.0)) * MIB
    assert state[remembered.MEMORY_PEAK] == pytest.approx(expected, rel=1e-4)


def test_slack_and_saturation_under_the_incumbent_are_not_taken_over() -> None:
    past = watched_steps(40, 480.0, 100.0 * MIB, 10.0 * LIMITS[0, lim.SLO_LATENCY_MS])
    state = state_after(past)
    assert state[remembered.SLACK_BOOST] == 0.0
    assert state[remembered.SATURATED] == 0.0
    assert state[remembered.SEEN] == 1.0


def test_a_kill_reported_under_a_larger_size_counts_by_what_was_used() -> None:
    past = watched_steps(4, 100.0, 100.0 * MIB, 1.0)
    past[-1, smp.OOM_KILLS] = 1.0
    assert past[-1, smp.MEMORY_REQUEST_BYTES] == 200.0 * MIB
    floor = state_after(past)[remembered.OOM_FLOOR]
    # The default rule bumps by 1.15.
    assert floor == pytest.approx(115.0 * MIB)


def test_without_a_past_nothing_is_known() -> None:
    assert not state_after(nothing_seen(1)[0]).any()


def test_rows_that_were_not_recorded_change_nothing() -> None:
    past = watched_steps(8, 100.0, 100.0 * MIB, 5.0)
    padded = np.concatenate([np.full((4, smp.SAMPLE_COUNT), np.nan), past])
    np.testing.assert_array_equal(state_after(padded), state_after(past))


def test_a_rule_that_watched_a_peak_of_memory_keeps_room_for_it() -> None:
    rng = np.random.default_rng(3)
    rates, noise = synthetic_rates(rng, 1, 40, MEANS), draw_noise(rng, 40, 1)
    start = np.array([[2.0, LIMITS[0, lim.CPU_MAX_M], LIMITS[0, lim.MEMORY_MAX_BYTES]]])
    peak = 0.9 * LIMITS[0, lim.MEMORY_MAX_BYTES]
    past = watched_steps(40, float(MEANS[0]), peak, 1.0)[None]
    course = (RULE[None], PARAMETERS, LIMITS, rates, noise, start)
    warm, cold = rollout_rule(*course, keep=True, past=past), rollout_rule(*course, keep=True)
    assert warm.allocations is not None
    assert cold.allocations is not None
    memory = lim.MEMORY_BYTES
    assert warm.allocations[0, 4, memory] > 0.9 * peak > cold.allocations[0, 4, memory]
