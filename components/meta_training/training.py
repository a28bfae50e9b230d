"""The training: stretch after stretch, judged now and then, and stopped when nothing improves."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass

import numpy as np

from components.agent.environment import Population, Traces, draw_traces, episode_metrics
from components.agent.meta_learner import MetaLearner
from components.agent.populations import drawn
from components.cluster.compiled import FloatArray
from components.cluster.reward import (
    EPISODE_FIELDS,
    INTERVAL_STEPS,
    OOM_KILLS,
    REWARD,
    STEP_HOURS,
    VIOLATION,
)
from components.meta_training.checkpoint import Checkpoint, TrainingState
from components.meta_training.config import MetaTrainingConfig

_EVALUATION_DECISIONS = 96
_EVALUATION_HOURS = _EVALUATION_DECISIONS * INTERVAL_STEPS * STEP_HOURS
TRAINING, SELECTION, HELD_OUT = "training", "selection", "held_out"


@dataclass(frozen=True, slots=True)
class Judge:
    """One of the three sets of workloads, with the traces that every policy meets on it."""

    population: Population
    traces: Traces

    def metrics(self, rules_unit: FloatArray) -> dict[str, float]:
        """Means by EPISODE_FIELDS of the rules [B, K] in the unit box, one a workload."""
        means = episode_metrics(self.population, rules_unit, self.traces).mean(axis=0)
        return dict(zip(EPISODE_FIELDS, means.tolist(), strict=True))


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The policy after an iteration: its mean metrics on each set, without exploration."""

    iteration: int
    decisions: int
    multiplier: float
    metrics: dict[str, dict[str, float]]

    def score(self, violation_penalty: float, oom_penalty: float) -> float:
        """What selection goes by: reward minus priced violations and OOM kills an hour.

        On the selection set.
        """
        metrics = self.metrics[SELECTION]
        kills_per_h = metrics[EPISODE_FIELDS[OOM_KILLS]] / _EVALUATION_HOURS
        return (
            metrics[EPISODE_FIELDS[REWARD]]
            - violation_penalty * metrics[EPISODE_FIELDS[VIOLATION]]
            - oom_penalty * kills_per_h
        )


@dataclass(frozen=True, slots=True)
class Course:
    """All evaluations in order, and which of them is the policy that was kept."""

    evaluations: tuple[Evaluation, ...]
    chosen: int


def judges_of(
    training: Population,
    selection: Population,
    held_out: Population,
    rng: np.random.Generator,
) -> dict[str, Judge]:
    """The three judges; of the training set as many workloads as the selection set has."""
    sample = drawn(training, selection.parameters.shape[0], rng)
    return {
        name: Judge(population, draw_traces(population, _EVALUATION_DECISIONS, rng))
        for name, population in ((TRAINING, sample), (SELECTION, selection), (HELD_OUT, held_out))
    }


def train(
    config: MetaTrainingConfig,
    learner: MetaLearner,
    training: Population,
    judges: dict[str, Judge],
    rng: np.random.Generator,
    report: Callable[[Evaluation], None],
    checkpoint: Checkpoint | None = None,
) -> Course:
    """Train the learner in place; it ends as it was at the best selection score.

    `report` is called after each evaluation, the first before any training. With `checkpoint` the
    training's state is kept there after each evaluation; where it has one of the same training,
    that goes on and ends as it would have without the interruption.
    """
    found = checkpoint.load(learner, rng) if checkpoint else None
    if found is None:
        evaluations, best, weights = [_evaluate(config, learner, judges, 0)], 0, learner.weights()
    else:
        evaluations = [Evaluation(**one) for one in found.evaluations]
        best, weights = found.best, found.best_weights
    report(evaluations[-1])
    if _over(config, evaluations, best):
        learner.restore(weights)
        return Course(tuple(evaluations), best)
    for iteration in range(evaluations[-1].iteration + 1, config.iterations + 1):
        learner.learn(training, 1.0 - (iteration - 1) / config.iterations, rng)
        if iteration % config.evaluation_period and iteration < config.iterations:
            continue
        evaluations.append(_evaluate(config, learner, judges, iteration))
        report(evaluations[-1])
        scores = [one.score(config.violation_penalty, config.oom_penalty) for one in evaluations]
        if scores[-1] > scores[best]:
            best, weights = len(scores) - 1, learner.weights()
        if checkpoint:
            state = TrainingState([asdict(one) for one in evaluations], best, weights)
            checkpoint.save(learner, rng, state)
        if _over(config, evaluations, best):
            break
    learner.restore(weights)
    return Course(tuple(evaluations), best)


def _over(config: MetaTrainingConfig, evaluations: list[Evaluation], best: int) -> bool:
    return len(evaluations) - 1 - best >= config.patience


def _evaluate(
    config: MetaTrainingConfig, learner: MetaLearner, judges: dict[str, Judge], iteration: int
) -> Evaluation:
    return Evaluation(
        iteration=iteration,
        decisions=iteration * config.applications * config.terms * config.term_decisions,
        multiplier=learner.multiplier,
        metrics={
            name: judge.metrics(learner.propose(judge.population.contexts))
            for name, judge in judges.items()
        },
    )
