import numpy as np
import pytest

from components.agent.environment import Population, draw_traces, episode_metrics, meet
from components.agent.populations import drawn, joined, synthetic_population
from components.cluster.reward import OOM_KILLS, REWARD, VIOLATION
from components.policy.rule_parameters import RULE_COUNT
from tests.components.agent.stage_inputs import untrained_encoder


@pytest.fixture(scope="module")
def population() -> Population:
    return synthetic_population(untrained_encoder(), 12, np.random.default_rng(0))


def test_a_rule_in_charge_all_the_time_earns_what_the_whole_episode_does(population) -> None:
    rng = np.random.default_rng(1)
    traces = draw_traces(population, 13, rng)
    units = rng.random((12, RULE_COUNT))
    stretch = meet(population, np.repeat(units[:, None], 3, axis=1), traces, term_decisions=4)
    whole = episode_metrics(population, units, traces)
    # The episode counts the first interval as well, which is no decision of the stretch.
    first = meet(population, np.repeat(units[:, None], 12, axis=1), traces, term_decisions=1)
    assert stretch.rewards.shape == (12, 3)
    np.testing.assert_allclose(
        first.rewards.reshape(12, 3, 4).mean(axis=2), stretch.rewards, rtol=1e-12
    )
    rest = 13.0 * whole[:, REWARD] - 12.0 * stretch.rewards.mean(axis=1)
    assert (np.abs(rest) <= 1.0).all()
    violated = 13.0 * whole[:, VIOLATION] - 12.0 * stretch.violations.mean(axis=1)
    np.testing.assert_allclose(violated * 4.0, np.round(violated * 4.0), atol=1e-9)


def test_kills_are_counted_by_the_hour(population) -> None:
    rng = np.random.default_rng(1)
    traces = draw_traces(population, 61, rng)
    units = rng.random((12, RULE_COUNT))
    whole = episode_metrics(population, units, traces)[:, OOM_KILLS]
    # 60 decisions of a minute are an hour; the episode has one interval more before them.
    found = meet(population, units[:, None], traces, term_decisions=60).kills_per_h[:, 0]
    before = whole - found
    assert found.sum() > 0.0
    np.testing.assert_allclose(before, np.round(before), atol=1e-9)
    assert (before >= -1e-9).all()
    assert (before > 0.5).mean() < 0.5


def test_each_term_is_decided_by_its_own_rule(population) -> None:
    """Another rule in the second term changes what follows it and nothing before."""
    rng = np.random.default_rng(1)
    traces = draw_traces(population, 13, rng)
    units = rng.random((12, 3, RULE_COUNT))
    changed = units.copy()
    changed[:, 1] = rng.random((12, RULE_COUNT))
    one, other = (meet(population, rules, traces, 4) for rules in (units, changed))
    np.testing.assert_array_equal(one.rewards[:, 0], other.rewards[:, 0])
    np.testing.assert_array_equal(one.observations[:, :2], other.observations[:, :2])
    assert (one.rewards[:, 1] != other.rewards[:, 1]).mean() > 0.8


def test_meeting_leaves_its_inputs_alone(population) -> None:
    traces = draw_traces(population, 5, np.random.default_rng(1))
    copies = [traces.rates_per_s.copy(), traces.allocation.copy(), population.parameters.copy()]
    meet(population, np.full((12, 2, RULE_COUNT), 0.5), traces, 2)
    for copy, now in zip(
        copies, (traces.rates_per_s, traces.allocation, population.parameters), strict=True
    ):
        np.testing.assert_array_equal(copy, now)


def test_a_draw_takes_different_workloads_with_all_that_belongs_to_them(population) -> None:
    chosen = drawn(joined([population, population]), 7, np.random.default_rng(0))
    assert chosen.contexts.shape[0] == 7
    for row in range(7):
        source = np.flatnonzero(population.mean_rates_per_s == chosen.mean_rates_per_s[row])
        np.testing.assert_array_equal(population.parameters[source[0]], chosen.parameters[row])
        np.testing.assert_array_equal(population.contexts[source[0]], chosen.contexts[row])
    everything = drawn(population, 99, np.random.default_rng(0))
    assert sorted(everything.mean_rates_per_s) == sorted(population.mean_rates_per_s)
