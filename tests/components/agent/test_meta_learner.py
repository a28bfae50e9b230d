import numpy as np
import pytest

from components.agent.common_start import common_start
from components.agent.environment import Population, draw_traces, episode_metrics
from components.agent.meta_learner import LearningSettings, MetaLearner
from components.agent.populations import synthetic_population
from components.cluster.compiled import FloatArray
from components.cluster.reward import REWARD, VIOLATION
from components.policy.rule_parameters import default_rule, to_unit
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


def _gain(population: Population, units: FloatArray) -> tuple[float, float]:
    """(mean, standard error) of what the rules gain over the default rule, paired."""
    default = np.tile(to_unit(default_rule()), (len(units), 1))
    gain = _scores(population, units) - _scores(population, default)
    return gain.mean(), gain.std(ddof=1) / np.sqrt(len(gain))


def _learner(training: Population, iterations: int, seed: int) -> MetaLearner:
    settings = LearningSettings(terms=2, term_decisions=12)
    start = to_unit(default_rule())
    learner = MetaLearner(start, training.contexts.shape[1], settings, seed)
    rng = np.random.default_rng(seed)
    for iteration in range(iterations):
        learner.learn(training, 1.0 - iteration / iterations, rng)
    return learner


def test_learning_improves_what_is_proposed_for_unseen_applications(training, unseen) -> None:
    learner = _learner(training, 25, seed=3)
    mean, error = _gain(unseen, learner.propose(unseen.contexts))
    assert mean > 3.0 * error
    assert mean > 0.004


def test_the_common_start_is_better_than_the_default_for_unseen_applications(
    training, unseen
) -> None:
    seen: list[int] = []
    start = common_start(training, 5, PENALTY, np.random.default_rng(0), seen.append)
    mean, error = _gain(unseen, np.tile(start, (96, 1)))
    assert mean > 3.0 * error
    assert seen == [1, 2, 3, 4, 5]


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
