import numpy as np
import pytest

from components.cluster import sample as smp
from components.cluster.applications import sample_applications
from components.cluster.limits import clip_allocation
from components.cluster.noise import draw_noise
from components.cluster.observation import OBSERVATION_COUNT
from components.cluster.rates import synthetic_rates
from components.cluster.state import initial_state
from components.policy.rule_parameters import RULE_COUNT, default_rule, from_unit
from components.policy.rule_rollout import initial_rule_state, interval, rollout_rule

BATCH, STEPS = 6, 48
RNG = np.random.default_rng(8)
PARAMETERS, LIMITS, MEANS = sample_applications(RNG, BATCH)
RATES = synthetic_rates(RNG, BATCH, STEPS, MEANS)
NOISE = draw_noise(RNG, STEPS, BATCH)
RULES = from_unit(RNG.random((BATCH, RULE_COUNT)))
START = clip_allocation(0.5 * (LIMITS[:, [2, 4, 6]] + LIMITS[:, [3, 5, 7]]), LIMITS)


def test_intervals_one_by_one_are_the_whole_episode() -> None:
    whole = rollout_rule(RULES, PARAMETERS, LIMITS, RATES, NOISE, START, keep=True)
    assert whole.samples is not None
    assert whole.allocations is not None
    state, allocation = initial_state(PARAMETERS, LIMITS, START, RATES[:, 0]), START
    memory = initial_rule_state(BATCH)
    rewards = []
    for at in range(0, STEPS, 4):
        state, memory, allocation, samples, observation, reward, violation = interval(
            state, memory, PARAMETERS, LIMITS, allocation, RULES, RATES[:, at : at + 4],
            NOISE[:, at : at + 4],
        )  # fmt: skip
        np.testing.assert_array_equal(samples, whole.samples[:, at : at + 4])
        np.testing.assert_array_equal(allocation, whole.allocations[:, at])
        assert observation.shape == (BATCH, OBSERVATION_COUNT)
        assert ((violation >= 0.0) & (violation <= 1.0)).all()
        rewards.append(reward)
    np.testing.assert_allclose(np.mean(rewards, axis=0), whole.metric("reward"))


def test_a_batch_gives_the_bits_of_single_workloads() -> None:
    whole = rollout_rule(RULES, PARAMETERS, LIMITS, RATES, NOISE, START).metrics
    for row in range(BATCH):
        one = slice(row, row + 1)
        alone = rollout_rule(
            RULES[one], PARAMETERS[one], LIMITS[one], RATES[one], NOISE[one], START[one]
        )
        np.testing.assert_array_equal(alone.metrics[0], whole[row])


def test_inputs_are_left_as_they_are() -> None:
    state = initial_state(PARAMETERS, LIMITS, START, RATES[:, 0])
    memory, allocation = initial_rule_state(BATCH), START.copy()
    kept = state.copy(), memory.copy(), allocation.copy()
    interval(state, memory, PARAMETERS, LIMITS, allocation, RULES, RATES[:, :4], NOISE[:, :4])
    for now, before in zip((state, memory, allocation), kept, strict=True):
        np.testing.assert_array_equal(now, before)


def test_metrics_are_those_of_the_course() -> None:
    whole = rollout_rule(RULES, PARAMETERS, LIMITS, RATES, NOISE, START, keep=True)
    assert whole.samples is not None
    samples = whole.samples
    hours = (samples[:, :, smp.REPLICAS_WANTED] * samples[:, :, smp.CPU_REQUEST_M]).sum(axis=1)
    np.testing.assert_allclose(whole.metric("core_hours"), hours / 1000 * 15 / 3600)
    np.testing.assert_array_equal(
        whole.metric("oom_kills"), samples[:, :, smp.OOM_KILLS].sum(axis=1)
    )


def test_a_remainder_of_an_interval_is_left_out() -> None:
    longer = np.concatenate([RATES, RATES[:, :3]], axis=1)
    noise = np.concatenate([NOISE, NOISE[:, :3]], axis=1)
    whole = rollout_rule(RULES, PARAMETERS, LIMITS, RATES, NOISE, START).metrics
    cut = rollout_rule(RULES, PARAMETERS, LIMITS, longer, noise, START).metrics
    np.testing.assert_array_equal(cut, whole)


def test_less_than_an_interval_is_no_episode() -> None:
    rules = np.tile(default_rule(), (BATCH, 1))
    with pytest.raises(ValueError, match="at least 4 steps"):
        rollout_rule(rules, PARAMETERS, LIMITS, RATES[:, :3], NOISE[:, :3], START)
