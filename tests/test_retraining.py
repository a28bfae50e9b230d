"""The parts that the retraining benchmark is made of."""

import numpy as np
import pandas as pd
import pytest

from components.cluster import parameters as par
from components.cluster.compiled import FloatArray
from components.cluster.limits import limits_of
from components.cluster.sample import SAMPLE_COUNT
from components.policy.rule_parameters import default_rule
from components.validation.situations import Case
from tests.baselines.changing import (
    BURSTS,
    CHANGES,
    HOUR_MIN,
    Running,
    changed,
    hour_noise,
    rates_of,
    unchanged,
)
from tests.baselines.retrained import (
    REFERENCE_HOURS,
    Counted,
    Known,
    Learning,
    drifted,
    when_worth_it,
)
from tests.benchmarks.retraining import REFERENCE, WITH, Outcome, degradations
from tests.hidden_workloads.rebuilt import hidden_rule
from tests.hidden_workloads.world import Sizes, draw_hidden_world, frame_of

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
    for row, name in zip(level, behaviour.names, strict=True):
        # Bursts lie over the rates; every other change leaves them their course.
        assert (np.ptp(row) > 0.1) == (name == BURSTS)


def test_bursts_ask_for_as_much_as_before() -> None:
    rng = np.random.default_rng(0)
    behaviours = [changed(PARAMETERS, WORLD.days, 2, 1, rng) for _ in range(12)]
    calm = unchanged(PARAMETERS, WORLD.days, 2, 1)
    bursts = [
        after.mean() / before.mean()
        for behaviour in behaviours
        for after, before, name in zip(behaviour.rates, calm.rates, behaviour.names, strict=True)
        if name == BURSTS
    ]
    # As much as the day at the level that goes with every change.
    assert bursts
    assert all(0.6 <= one <= 1.3 for one in bursts)


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


class Scripted(Learning):
    """Gives each frame's first rate as the performance of all of its minutes; learns nothing."""

    def __init__(self) -> None:
        self.lengths: list[int] = []

    def performance(self, case: Case, frame: pd.DataFrame) -> FloatArray:
        return frame["request_rate_per_s"].to_numpy()[::4]

    def again(self, known: Known, frame: pd.DataFrame, defended: bool) -> Known:
        assert defended
        self.lengths.append(len(frame))
        return Known(known.case, known.rule + 1.0)


def hour_of(performance: float) -> pd.DataFrame:
    samples = np.full((4 * HOUR_MIN, SAMPLE_COUNT), performance)
    return frame_of(samples)


def test_a_rule_is_held_against_its_first_hours_and_learned_anew_from_the_loss_on() -> None:
    learning, counted = Scripted(), Counted()
    retrain = when_worth_it(learning)
    known = [Known(WORLD.cases[0], RULES[0])]
    for performance in [0.9] * REFERENCE_HOURS + [0.9, 0.9]:
        known = retrain(known, [hour_of(performance)], counted)
    assert (counted.started, known[0].rule[0]) == (0, RULES[0, 0])
    known = retrain(known, [hour_of(0.6)], counted)
    assert (counted.started, counted.replaced) == (1, 1)
    # The hour in which it was lost, and no better hour before.
    assert learning.lengths == [4 * HOUR_MIN]
    # The new rule has to reach what the old one gave.
    assert known[0].reference is not None
    assert known[0].reference.mean == pytest.approx(0.9)


def test_degradation_is_a_share_of_the_reference_s_reward() -> None:
    outcome = Outcome()
    outcome.reward[REFERENCE] = [np.array([[0.8, 0.5], [0.8, 0.7]])]
    outcome.reward[WITH] = [np.array([[0.7, 0.6], [0.9, 0.3]])]
    outcome.violation[REFERENCE] = [np.zeros((2, 2))]
    outcome.violation[WITH] = [np.array([[0.0, 0.3], [0.2, 0.3]])]
    np.testing.assert_allclose(degradations([outcome], WITH), [0.0, 0.25], atol=1e-12)
    # Priced at .4: .8 - .04 and .45 - .12.
    np.testing.assert_allclose(degradations([outcome], WITH, 0.4), [0.05, 0.45], atol=1e-12)
