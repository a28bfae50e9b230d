import numpy as np
import pytest
import torch

from components.agent.environment import Population
from components.agent.populations import synthetic_population
from components.cluster.compiled import FloatArray
from components.meta_training.config import MetaTrainingConfig
from components.meta_training.training import HELD_OUT, SELECTION, judges_of, train
from components.policy.rule_parameters import default_rule, to_unit
from tests.components.agent.stage_inputs import untrained_encoder

CONFIG = MetaTrainingConfig(
    iterations=30, applications=16, held_out_applications=8, evaluation_period=1, patience=3
)


class ScriptedLearner:
    """Proposes the default rule with the target utilisation that its script has next.

    Full utilisation is a bad rule, so the script says how good the policy is after each stretch.
    """

    def __init__(self, targets: list[float]) -> None:
        self.targets = targets
        self.learned = 0
        self.multiplier = 0.1

    def learn(
        self, population: Population, remaining: float, rng: np.random.Generator
    ) -> tuple[float, float]:
        self.learned += 1
        return 0.0, 0.0

    def propose(self, contexts: FloatArray) -> FloatArray:
        unit = to_unit(default_rule())
        unit[0] = self.targets[self.learned]
        return np.tile(unit, (len(contexts), 1))

    def weights(self) -> dict[str, torch.Tensor]:
        return {"learned": torch.tensor(self.learned)}

    def restore(self, weights: dict[str, torch.Tensor]) -> None:
        self.learned = int(weights["learned"])


@pytest.fixture(scope="module")
def sets() -> tuple[Population, Population, Population]:
    rng = np.random.default_rng(0)
    encoder = untrained_encoder()
    return tuple(synthetic_population(encoder, count, rng) for count in (16, 8, 8))


def _train(sets, targets: list[float], config: MetaTrainingConfig = CONFIG):
    judges = judges_of(*sets, np.random.default_rng(1))
    learner = ScriptedLearner(targets)
    course = train(config, learner, sets[0], judges, np.random.default_rng(2), lambda one: None)
    return course, learner


def test_the_best_of_the_selection_set_is_kept_and_the_training_ends_after_its_patience(
    sets,
) -> None:
    course, learner = _train(sets, [0.9, 0.8, 0.3, 0.9, 0.85, 0.9, 0.3])
    assert [one.iteration for one in course.evaluations] == [0, 1, 2, 3, 4, 5]
    assert course.evaluations[course.chosen].iteration == 2
    assert learner.learned == 2


def test_a_policy_that_never_improves_is_left_as_it_was(sets) -> None:
    course, learner = _train(sets, [0.3, 0.9, 0.9, 0.9, 0.3])
    assert course.chosen == 0
    assert learner.learned == 0


def test_every_policy_meets_the_same_traces(sets) -> None:
    course, _ = _train(sets, [0.3, 0.3, 0.3, 0.3])
    metrics = [one.metrics for one in course.evaluations]
    assert all(one == metrics[0] for one in metrics)


def test_evaluations_come_in_their_period_and_at_the_end(sets) -> None:
    config = MetaTrainingConfig(
        iterations=7, applications=16, held_out_applications=8, evaluation_period=3
    )
    course, _ = _train(sets, [0.3] * 8, config)
    assert [one.iteration for one in course.evaluations] == [0, 3, 6, 7]
    # 16 workloads, two terms of 24 decisions.
    assert [one.decisions for one in course.evaluations] == [0, 2304, 4608, 5376]


def test_the_score_prices_violations_and_kills_of_the_selection_set_alone(sets) -> None:
    course, _ = _train(sets, [0.3, 0.9, 0.9, 0.9])
    evaluation = course.evaluations[1]
    selection = evaluation.metrics[SELECTION]
    # 96 decisions of a minute are 1.6 hours.
    expected = (
        selection["reward"] - 0.5 * selection["violation"] - 0.05 * selection["oom_kills"] / 1.6
    )
    assert selection["oom_kills"] > 0.0
    assert evaluation.score(0.5, 0.05) == pytest.approx(expected)
    assert evaluation.metrics[HELD_OUT] != selection
