"""What fine-tuning may be told."""

from __future__ import annotations

from dataclasses import dataclass

from components.errors import UserError, require_at_least
from components.policy.prices import KILL_PRICE_PER_H, VIOLATION_PRICE

_LEAST = {
    "seed": 0,
    "iterations": 1,
    "candidates": 8,
    "traces": 1,
    "resampled_variants": 1,
    "synthetic_variants": 0,
    "fits": 0,
    "held_back": 0,
    "caution": 0.0,
    "decisions": 4,
    "level_spread": 0.0,
    "start_deviation": 0.0,
    "violation_penalty": 0.0,
    "oom_penalty": 0.0,
}


@dataclass(frozen=True, slots=True)
class FineTuningConfig:
    """Settings of the search per workload.

    seed: of everything drawn at random.
    iterations, candidates: of the cross-entropy search: rules tried in each iteration.
    resampled_variants, synthetic_variants: worlds to be good in; each is a member of the twin
        with a rate trace, resampled from the training part or synthetic at its mean.
    fits: fits of the twin that start from applications of the population, beside its own members.
    held_back: worlds that nothing is searched in; where to begin and which rule wins is decided on
        them alone, among the proposal, the default rule and what the search found.
    caution: share of the worlds, those in which a rule gains least over the proposal, that it is
        judged by; 1 for all.
    traces: variants that the candidates of an iteration meet.
    decisions: decision intervals (60 s) of a trace.
    level_spread: how far the traces' levels lie from the measured one, as the standard deviation
        of a logarithm.
    start_deviation: of the search around the meta-policy's proposal, in the unit box.
    violation_penalty: reward that an interval full of violations costs at least.
    violation_budget: share of steps that may violate, if there is such a promise: where the best
        rules found violate more, the price rises until they don't, or can't rise further. Without
        it the price stays: where the worlds are as uncertain as after an hour of telemetry, some
        of them can't meet a budget, and the rules only become dearer.
    oom_penalty: reward that one OOM kill an hour costs.

    Raises UserError for a value that can't be meant.
    """

    seed: int = 0
    iterations: int = 20
    candidates: int = 56
    resampled_variants: int = 24
    synthetic_variants: int = 8
    fits: int = 12
    held_back: int = 10
    caution: float = 1.0
    traces: int = 8
    decisions: int = 60
    level_spread: float = 0.3
    start_deviation: float = 0.12
    violation_penalty: float = VIOLATION_PRICE
    violation_budget: float | None = None
    oom_penalty: float = KILL_PRICE_PER_H

    def __post_init__(self) -> None:
        require_at_least("fine-tuning", self, _LEAST)
        worlds = self.resampled_variants + self.synthetic_variants
        if self.held_back >= worlds:
            raise UserError(
                f"fine-tuning: held_back is {self.held_back} of {worlds} worlds; leave some over"
            )
        if self.violation_budget is not None and self.violation_budget < 0.0:
            raise UserError(
                f"fine-tuning: violation_budget is {self.violation_budget}; give 0 or more"
            )
        if self.caution > 1.0:
            raise UserError(f"fine-tuning: caution is {self.caution}; give 1 or less")


def quick_config(seed: int) -> FineTuningConfig:
    """Small sizes: enough to see that everything works, not to be good."""
    return FineTuningConfig(
        seed=seed,
        iterations=4,
        candidates=16,
        resampled_variants=6,
        synthetic_variants=2,
        fits=2,
        held_back=3,
        traces=3,
        decisions=30,
    )
