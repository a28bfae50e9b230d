"""What the learner makes of a hidden world's telemetry, by the product's own stages' code."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from components.agent.encoder import Encoder, workload_shape
from components.agent.encoder_training import EncoderSettings, embed, train_encoder
from components.agent.meta_learner import LearningSettings, MetaLearner
from components.agent.populations import synthetic_population
from components.cluster.compiled import FloatArray
from components.cluster.limits import limits_of
from components.embedding.pasts import synthetic_pasts
from components.fine_tuning.adapt import prices_of, rivals_of
from components.fine_tuning.config import FineTuningConfig
from components.fine_tuning.members import synthetic_applications
from components.fine_tuning.variants import Variants, variants_of
from components.meta_training.config import MetaTrainingConfig
from components.meta_training.training import judges_of, train
from components.policy.network import context_of
from components.policy.prices import Prices
from components.policy.rule_parameters import default_rule, to_unit
from components.policy.search import SearchResult, search_rule
from components.policy.watched import watched
from components.validation.situations import Case

PAST_INTERVALS = 40


@dataclass(frozen=True, slots=True)
class Meta:
    """The trained encoder and meta-policy: synthetic applications only, none of them scored."""

    encoder: Encoder
    learner: MetaLearner

    def propose(self, cases: tuple[Case, ...]) -> FloatArray:
        """Zero-shot rules in the unit box [W, K], from the telemetry alone."""
        pasts = [case.measured.past for case in cases]
        contexts = [context_of(past, embed(self.encoder, past)) for past in pasts]
        return self.learner.propose(np.concatenate(contexts))


def train_meta(
    seed: int, encoder_applications: int, encoder_updates: int, config: MetaTrainingConfig
) -> Meta:
    """Meta-training on its own training set, the policy selected on its own selection set."""
    rng = np.random.default_rng([seed, 4])
    pasts = synthetic_pasts(encoder_applications, PAST_INTERVALS, rng)
    settings = EncoderSettings(updates=encoder_updates)
    encoder = train_encoder(workload_shape(), pasts, settings, rng, lambda *_: None)
    training = synthetic_population(encoder, config.applications, rng)
    selection, held_out = (
        synthetic_population(encoder, config.held_out_applications, rng) for _ in range(2)
    )
    learner = MetaLearner(
        to_unit(default_rule()),
        training.contexts.shape[1],
        LearningSettings(
            terms=config.terms,
            term_decisions=config.term_decisions,
            violation_budget=config.violation_budget,
            first_multiplier=config.violation_penalty,
        ),
        config.seed,
    )
    judges = judges_of(training, selection, held_out, rng)
    train(config, learner, training, judges, rng, lambda _: None)
    return Meta(encoder, learner)


def worlds_of(cases: tuple[Case, ...], config: FineTuningConfig) -> list[Variants]:
    """The worlds that each workload's rule is searched in: most of a search's time."""
    population = synthetic_applications(np.random.default_rng([config.seed, 6]))
    return [
        variants_of(
            case.measured,
            case.training_twin,
            config,
            population,
            np.random.default_rng([config.seed, 7]),
        )
        for case in cases
    ]


def fine_tune(
    cases: tuple[Case, ...],
    start_unit: FloatArray,
    config: FineTuningConfig,
    prices: Prices | None = None,
    point_estimate: bool = False,
    rivals: bool = True,
    worlds: list[Variants] | None = None,
) -> SearchResult:
    """Each workload's rule, searched in `worlds` or its own (or in its best member alone)."""
    variants = worlds_of(cases, config) if worlds is None else worlds
    parameters = np.stack([one.parameters for one in variants])
    if point_estimate:
        best = np.stack([case.training_twin.members[:1] for case in cases])
        parameters = np.repeat(best, parameters.shape[1], axis=1)
    return search_rule(
        parameters=parameters,
        limits=limits_of([case.workload for case in cases]),
        rates=np.stack([one.rates_per_s for one in variants]),
        initial_allocation=np.vstack([case.usual_allocation for case in cases]),
        start_unit=start_unit,
        start_deviation=config.start_deviation,
        rng=np.random.default_rng([config.seed, 5]),
        iterations=config.iterations,
        candidates=config.candidates,
        traces=config.traces,
        prices=prices or prices_of(config),
        pasts=watched([case.measured for case in cases]),
        rivals=rivals_of(len(cases)) if rivals else None,
        held_back=config.held_back,
        caution=config.caution,
    )
