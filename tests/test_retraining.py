"""The parts that the retraining benchmark is made of."""

import numpy as np

from components.cluster import parameters as par
from components.cluster.limits import limits_of
from components.policy.rule_parameters import default_rule
from tests.baselines.changing import CHANGES, Running, changed, hour_noise, rates_of
from tests.benchmarks.retraining import REFERENCE, WITH, Known, Outcome, drifted
from tests.hidden_workloads.rebuilt import hidden_rule
from tests.hidden_workloads.world import Sizes, draw_hidden_world

WORLD = draw_hidden_world(3, Sizes(2, 60, 20, 2, 2), None)
LIMITS = limits_of([case.workload for case in WORLD.cases])
PARAMETERS = WORLD.parameters[::2]
RULES = np.tile(default_rule(), (2, 1))
START = np.vstack([case.usual_allocation for case in WORLD.cases])


def test_an_hour_and_another_are_two_hours_in_one_go() -> None:
    rates = np.tile(WORLD.days, (1, 3))[:, :480]
    noise = hour_noise(np.random.default_rng(0), 2, 2)
    running = Running(PARAMETERS, LIMITS, START, rates[:, 0])
    hours = [
        running.play(PARAMETERS, RULES, rates[:, part], noise[:, part])
        for part in (slice(0, 240), slice(240, 480))
    ]
    whole = hidden_rule(RULES, PARAMETERS, LIMITS, rates, noise, START)
    reward = np.mean([hour.reward for hour in hours], axis=0)
    np.testing.assert_allclose(reward, whole.metric("reward"))
    violation = np.mean([hour.violation for hour in hours], axis=0)
    np.testing.assert_allclose(violation, whole.metric("violation"))
    assert [len(frame) for frame in hours[1].frames] == [240, 240]


def test_a_change_moves_what_its_name_says_and_nothing_else() -> None:
    behaviour = changed(PARAMETERS, WORLD.days, 2, 1, np.random.default_rng(1))
    for before, after, name in zip(PARAMETERS, behaviour.parameters, behaviour.names, strict=True):
        moved = np.flatnonzero(before != after)
        np.testing.assert_array_equal(moved, sorted(CHANGES[name]))
    level = behaviour.rates / rates_of(WORLD.days, 2, 1)
    np.testing.assert_allclose(level, np.broadcast_to(level[:, :1], level.shape))


def test_the_rates_of_a_later_hour_go_on_and_begin_anew() -> None:
    days = np.arange(600.0)[None]
    np.testing.assert_array_equal(rates_of(days, 1, 1)[0], np.arange(240.0, 480.0))
    np.testing.assert_array_equal(rates_of(days, 1, 2)[0, 118:122], [598.0, 599.0, 0.0, 1.0])


def test_half_the_cpu_per_request_is_noticed_and_the_same_service_is_not() -> None:
    known = [Known(case, rule) for case, rule in zip(WORLD.cases, RULES, strict=True)]
    noise = hour_noise(np.random.default_rng(2), 2, 1)
    rates = np.tile(WORLD.days, (1, 3))[:, :240]
    after = PARAMETERS.copy()
    after[1, par.SERVICE_DEMAND_MS] *= 0.5
    hour = Running(after, LIMITS, START, rates[:, 0]).play(after, RULES, rates, noise)
    assert drifted(known, hour.frames) == [False, True]


def test_degradation_is_a_share_of_the_reference_s_reward() -> None:
    outcome = Outcome()
    outcome.add(REFERENCE, [np.array([0.8, 0.5]), np.array([0.8, 0.7])], [np.zeros(2)] * 2)
    outcome.add(WITH, [np.array([0.7, 0.6]), np.array([0.9, 0.3])], [np.zeros(2)] * 2)
    np.testing.assert_allclose(outcome.degradation(WITH), [0.0, 0.25], atol=1e-12)
