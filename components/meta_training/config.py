"""What meta-training may be told."""

from __future__ import annotations

from dataclasses import dataclass

from components.errors import require_at_least
from components.policy.prices import PROPOSAL_KILL_PRICE_PER_H

_LEAST = {
    "seed": 0,
    "iterations": 1,
    "applications": 8,
    "held_out_applications": 8,
    "terms": 1,
    "term_decisions": 2,
    "violation_budget": 0.0,
    "violation_penalty": 0.0,
    "oom_penalty": 0.0,
    "evaluation_period": 1,
    "patience": 1,
}


@dataclass(frozen=True, slots=True)
class MetaTrainingConfig:
    """Settings of the meta-policy's training.

    seed: of everything drawn at random.
    iterations: PPO updates at most.
    applications: workloads that are trained on; twins of the real ones are among them.
    held_out_applications: synthetic applications that selection and early stopping look at, and
        as many again that nothing looks at but the report.
    terms, term_decisions: a stretch between updates has so many terms of so many decisions
        (60 s each); a rule stays in charge for a term.
    violation_budget: share of 15 s steps that may miss the objective; the price of a violation
        rises while the policy is over it.
    violation_penalty: that price at first, and always in the score by which a policy is selected.
    oom_penalty: reward that one OOM kill an hour costs, in learning and in that score.
    evaluation_period: iterations between two evaluations.
    patience: the training ends after so many evaluations without a better selection score.

    Raises UserError for a value that can't be meant.
    """

    seed: int = 0
    iterations: int = 160
    applications: int = 512
    held_out_applications: int = 128
    terms: int = 2
    term_decisions: int = 24
    violation_budget: float = 0.02
    violation_penalty: float = 0.2
    oom_penalty: float = PROPOSAL_KILL_PRICE_PER_H
    evaluation_period: int = 5
    patience: int = 10

    def __post_init__(self) -> None:
        require_at_least("meta-training", self, _LEAST)


def quick_config(seed: int) -> MetaTrainingConfig:
    """Small sizes: enough to see that everything works, not to be good."""
    return MetaTrainingConfig(
        seed=seed,
        iterations=6,
        applications=64,
        held_out_applications=16,
        term_decisions=12,
        evaluation_period=2,
    )
