import numpy as np
import pytest

from components.agent.environment import Population, draw_traces, episode_metrics
from components.agent.meta_learner import LearningSettings, MetaLearner
from components.agent.populations import synthetic_population
from components.cluster.compiled import FloatArray
from components.cluster.reward import REWARD, VIOLATION
from components.policy.rule_parameters import (
    MEMORY_MARGIN,
    TARGET_UTILISATION,
    default_rule,
    to_unit,
)
from tests.components.agent.stage_inputs import untrained_encoder

PENALTY = 0.1


@pytest.fixture(scope="module")
def training() -> Population:
    return synthetic_population(untrained_encoder(), 128, np.random.default_rng(0))


@pytest.fixture(scope="module")
def unseen() -> Population:
    return synthetic_population(untrained_encoder(), 96, np.random.default_rng(1))


def _scores(population: Population, units: FloatArray) -> FloatArray:
    traces = draw_traces(population, 60, np.random.default_rng(2))
    metrics = episode_metrics(population, units, traces)
    return metrics[:, REWARD] - PENALTY * metrics[:, VIOLATION]


def _wasteful_start() -> FloatArray:
    """The default rule, but aiming at a low utilisation with much memory to spare."""
    rule = default_rule()
    rule[TARGET_UTILISATION] = 0.15
    rule[MEMORY_MARGIN] = 0.6
    return to_unit(rule)


def _learner(training: Population, iterations: int, seed: int) -> MetaLearner:
    settings = LearningSettings(terms=2, term_decisions=12)
    learner = MetaLearner(_wasteful_start(), training.contexts.shape[1], settings, seed)
    rng = np.random.default_rng(seed)
    for iteration in range(iterations):
        learner.learn(training, 1.0 - iteration / iterations, rng)
    return learner


def test_learning_improves_what_is_proposed_for_unseen_applications(training, unseen) -> None:
    learner = _learner(training, 25, seed=3)
    start = np.tile(_wasteful_start(), (len(unseen.contexts), 1))
    gain = _scores(unseen, learner.propose(unseen.contexts)) - _scores(unseen, start)
    assert gain.mean() > 4.0 * gain.std(ddof=1) / np.sqrt(len(gain))
    assert gain.mean() > 0.005


def test_learning_repeats_with_its_seed(training) -> None:
    first, again, other = (
        _learner(training, 2, seed).propose(training.contexts) for seed in (5, 5, 6)
    )
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


def test_restored_weights_propose_as_before(training) -> None:
    learner = _learner(training, 1, seed=5)
    kept, proposals = learner.weights(), learner.propose(training.contexts)
    learner.learn(training, 1.0, np.random.default_rng(0))
    assert not np.array_equal(learner.propose(training.contexts), proposals)
    learner.restore(kept)
    np.testing.assert_array_equal(learner.propose(training.contexts), proposals)
