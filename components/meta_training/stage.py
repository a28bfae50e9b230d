"""The stage: gather the workloads, train the meta-policy on them, write it and how it learned."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from components.agent.checkpoint import load_encoder
from components.agent.encoder import Encoder, workload_shape
from components.agent.environment import Population
from components.agent.meta_learner import LearningSettings, MetaLearner
from components.agent.populations import (
    drawn,
    joined,
    share_of,
    synthetic_population,
    twin_population,
)
from components.agent.ppo import PpoSettings
from components.agent.workers import ALONE, Workers
from components.artifacts.files import (
    finished_directory,
    read_json,
    write_bytes,
    write_json,
    write_text,
)
from components.cluster.twin import Twin, from_json
from components.errors import UserError
from components.meta_training.checkpoint import Checkpoint
from components.meta_training.config import MetaTrainingConfig
from components.meta_training.page import curve_png, meta_training_html
from components.meta_training.training import HELD_OUT, Course, Evaluation, judges_of, train
from components.policy.measured import MeasuredWorkload, measured_workloads
from components.policy.rule_parameters import default_rule, to_unit
from components.progress import Progress

_TWIN_MEMBERS = 4
# Workloads that a process must have: the updates are split into minibatches of some.
_LEAST_SHARE = 8
# Shares of the stage's time, for the progress bar.
_GATHERED, _TRAINED = 0.1, 0.98


@dataclass(frozen=True, slots=True)
class MetaTrainingSummary:
    """The kept policy on the held-out set, and how many decisions it learned from."""

    reward: float
    violation: float
    decisions: int


def run(
    config: MetaTrainingConfig,
    dataset: Path,
    embedding: Path,
    output: Path,
    progress: Progress,
    workers: Workers = ALONE,
) -> MetaTrainingSummary:
    """Write meta_policy.safetensors, curve.json, curve.png, meta_training.html.

    Until then a folder beside `output` keeps the state: run again after an interruption, the same
    training goes on from its last evaluation and ends with the same policy. Of several workers
    each learns from its share of the applications, and the first one writes.

    Raises UserError when an input is missing, damaged, or made from other workloads.
    """
    encoder = load_encoder(embedding / "encoder.safetensors", workload_shape())
    measured, twins = _fitted(embedding / "twins.json", measured_workloads(dataset))
    if config.applications < _LEAST_SHARE * workers.count:
        raise UserError(
            f"meta-training: {config.applications} applications are too few for {workers.count}"
            f" processes; give {_LEAST_SHARE * workers.count} at least"
        )
    sets_rng, judges_rng, learning_rng = (
        np.random.default_rng([config.seed, index, *([workers.rank] if index == 2 else [])])
        for index in range(3)
    )
    progress.update(0.0, 1.0, "gathering twins and synthetic applications")
    real = twin_population(encoder, measured, twins, _TWIN_MEMBERS)
    training, selection, held_out = _sets(config, encoder, real, sets_rng)
    judges = judges_of(training, selection, held_out, judges_rng)
    learner = _learner(config, training.contexts.shape[1], workers)
    own = share_of(training, workers.rank, workers.count)

    def report(evaluation: Evaluation) -> None:
        if workers.rank > 0:
            return
        share = _GATHERED + (_TRAINED - _GATHERED) * evaluation.iteration / config.iterations
        progress.update(share, 1.0, _message(evaluation))

    unfinished = output.with_name(f"{output.name}.unfinished")
    checkpoint = Checkpoint(unfinished, config, training, workers)
    course = train(config, learner, own, judges, learning_rng, report, checkpoint)
    if workers.rank == 0:
        everywhere = np.tile(to_unit(default_rule()), (config.held_out_applications, 1))
        curve = _curve(config, course, judges[HELD_OUT].metrics(everywhere))
        _write(output, encoder, learner, curve)
        checkpoint.remove()
        progress.update(1.0, 1.0, _message(course.evaluations[course.chosen]))
    kept = course.evaluations[course.chosen].metrics[HELD_OUT]
    return MetaTrainingSummary(kept["reward"], kept["violation"], course.evaluations[-1].decisions)


def _fitted(
    path: Path, measured: Sequence[MeasuredWorkload]
) -> tuple[list[MeasuredWorkload], list[Twin]]:
    """The workloads that have a twin, and their twins."""
    documents = read_json(path)
    fitted = [one for one in measured if one.workload.key in documents]
    if not fitted:
        raise UserError(f"{path} has no workload of the dataset: run the embedding on this dataset")
    return fitted, [from_json(documents[one.workload.key]) for one in fitted]


def _sets(
    config: MetaTrainingConfig, encoder: Encoder, real: Population, rng: np.random.Generator
) -> tuple[Population, Population, Population]:
    """Training, selection and held-out set: no application is in two of them."""
    most_real = config.applications // 2
    chosen = drawn(real, most_real, rng)
    count = config.applications - chosen.parameters.shape[0]
    training = joined([chosen, synthetic_population(encoder, count, rng)])
    selection = synthetic_population(encoder, config.held_out_applications, rng)
    return training, selection, synthetic_population(encoder, config.held_out_applications, rng)


def _learner(config: MetaTrainingConfig, context_size: int, workers: Workers) -> MetaLearner:
    settings = LearningSettings(
        terms=config.terms,
        term_decisions=config.term_decisions,
        violation_budget=config.violation_budget,
        first_multiplier=config.violation_penalty,
        ppo=PpoSettings(oom_penalty=config.oom_penalty),
    )
    return MetaLearner(to_unit(default_rule()), context_size, settings, config.seed, workers)


def _curve(
    config: MetaTrainingConfig, course: Course, default_rule_metrics: dict[str, float]
) -> dict[str, Any]:
    return {
        "applications": config.applications,
        "violation_budget": config.violation_budget,
        "chosen_iteration": course.evaluations[course.chosen].iteration,
        "references": {"default_rule": default_rule_metrics},
        "iterations": [
            {
                "iteration": one.iteration,
                "decisions": one.decisions,
                "multiplier": one.multiplier,
                **one.metrics,
            }
            for one in course.evaluations
        ],
    }


def _write(output: Path, encoder: Encoder, learner: MetaLearner, curve: dict[str, Any]) -> None:
    picture = curve_png(curve)
    with finished_directory(output) as folder:
        learner.save(folder / "meta_policy.safetensors", encoder)
        write_json(folder / "curve.json", curve)
        write_bytes(folder / "curve.png", picture)
        write_text(folder / "meta_training.html", meta_training_html(picture, curve))


def _message(evaluation: Evaluation) -> str:
    metrics = evaluation.metrics[HELD_OUT]
    return (
        f"iteration {evaluation.iteration}: reward {metrics['reward']:.3f}, "
        f"{100 * metrics['violation']:.1f} % violations on held-out applications"
    )
