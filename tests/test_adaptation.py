"""The parts that the adaptation benchmark is made of."""

import numpy as np

from components.agent.initialisation import generator_of
from components.cluster.observation import OBSERVATION_COUNT
from tests.baselines.contact import cut_case, incumbent_violations, refitted
from tests.baselines.direct_rows import PLAIN, RECURRENT, Effort, train_rows
from tests.baselines.learners import LEARNERS
from tests.baselines.online_learning import Contact, learn_online
from tests.baselines.stacked_policies import StackedPolicies
from tests.baselines.stacked_ppo import PpoConstants
from tests.benchmarks.adaptation import interval, median, passed
from tests.components.agent.stage_inputs import untrained_encoder
from tests.hidden_workloads.world import Sizes, draw_hidden_world

WORLD = draw_hidden_world(3, Sizes(2, 20, 8, 2, 2), None)


def test_a_threshold_is_passed_at_the_first_judgement_above_it() -> None:
    reward = np.array([[0.5, 0.9, 0.1], [0.8, 0.2, 0.1], [0.7, 0.2, 0.2]])
    violated = np.array([[0.0, 0.0, 0.0], [5.0, 6.0, 7.0], [8.0, 9.0, 10.0]])
    contact = Contact(np.array([0.0, 60.0, 120.0]), np.stack([reward, reward - 0.3]), violated)
    found = passed(contact, np.array([0.75, 0.75, 0.75]))
    np.testing.assert_array_equal(found.minutes, [60.0, 0.0, np.inf])
    # Who never passes has violated to the end.
    np.testing.assert_array_equal(found.violated_min, [5.0, 0.0, 10.0])
    priced = passed(contact, np.array([0.45, 0.45, 0.45]), priced=True)
    np.testing.assert_array_equal(priced.minutes, [60.0, 0.0, np.inf])


def test_who_never_passes_counts_as_later_than_anybody() -> None:
    assert median(np.array([1.0, np.inf, 3.0])) == 3.0
    assert median(np.array([1.0, np.inf, np.inf])) == np.inf
    low, high = interval(np.array([1.0] * 6 + [np.inf] * 5), np.random.default_rng(0))
    assert (low, high) == (1.0, np.inf)


def test_the_incumbent_s_violations_are_those_of_its_rollout() -> None:
    found = incumbent_violations(WORLD)
    assert found.shape == (2, 20)
    np.testing.assert_allclose(found.mean(axis=1), WORLD.contact.metric("violation"))


def test_early_telemetry_is_all_that_a_refitted_case_knows() -> None:
    case = refitted(cut_case(WORLD.cases[0], 8), np.random.default_rng(0))
    assert case is not None
    assert len(case.measured.training) == 32
    assert case.measured.past.shape[1] == 8
    assert not np.array_equal(case.training_twin.members, WORLD.cases[0].training_twin.members)


def test_three_minutes_are_too_few_for_a_twin() -> None:
    assert refitted(cut_case(WORLD.cases[0], 3), np.random.default_rng(0)) is None


def test_a_policy_that_learns_online_is_judged_before_and_after_each_update() -> None:
    policies = StackedPolicies(2, OBSERVATION_COUNT, generator_of(0))
    contacts = learn_online(policies, WORLD, 20, PpoConstants(10), seed=1)
    assert len(contacts) == 2
    for contact in contacts:
        np.testing.assert_array_equal(contact.minutes, [0.0, 10.0, 20.0])
        assert contact.judged.shape == (2, 3, 2)
        # Violations and kills only ever cost.
        assert (contact.judged[1] <= contact.judged[0]).all()
        assert (np.diff(contact.violated_min, axis=0) >= 0.0).all()
        assert (contact.violated_min[-1] <= 20.0).all()


def test_every_direct_row_plays_the_worlds_situations() -> None:
    rows = dict(train_rows(untrained_encoder(), 1, Effort(200, 8, 1)).rows_for(WORLD, WORLD.usual))
    assert list(rows) == [learner.name for learner in LEARNERS] + [PLAIN, RECURRENT]
    rewards = np.array([rolled.metric("reward") for rolled in rows.values()])
    assert rewards.shape == (6, 4)
    assert np.isfinite(rewards).all()
    # Who has learned next to nothing holds still, but for DQN, which always takes some step.
    np.testing.assert_allclose(rewards[4], rewards[5])
    assert np.abs(rewards[1] - rewards[4]).max() > 1e-3
