"""What validation can be told."""

from __future__ import annotations

from dataclasses import dataclass

from components.errors import UserError, require_at_least
from components.policy.prices import KILL_PRICE_PER_H, VIOLATION_PRICE


@dataclass(frozen=True, slots=True)
class ValidationConfig:
    """Sizes and criteria of the gate.

    seed: of everything drawn at random.
    seeds: repetitions, each with its own noise, twin members and traces.
    traces: request-rate traces of a seed, the measured one among them.
    decisions: decision intervals (60 s) of a trace.
    members: of the twin that is fitted to the held-out telemetry.
    tuning_traces: traces of the training part that each setting of the incumbents is tried on;
        240 times the 102 settings of HPA + VPA are more than twice the episodes that fine-tuning
        plays (20 iterations x 56 candidates x 8 traces, and some 200 of champions).
    level_spread: of the tuning traces' levels; the same as fine-tuning's.
    violation_penalty, oom_penalty: reward that a whole interval of violation costs when incumbents
        are tuned, and one OOM kill an hour: fine-tuning's own.
    foresight_trials: changes that the search for the bound tries in each situation.
    violation_margin, kill_margin_per_h, cost_margin, confidence: of the verdict.

    Raises UserError for a value that can't be meant.
    """

    seed: int = 0
    seeds: int = 5
    traces: int = 6
    decisions: int = 60
    members: int = 8
    tuning_traces: int = 240
    level_spread: float = 0.3
    violation_penalty: float = VIOLATION_PRICE
    oom_penalty: float = KILL_PRICE_PER_H
    foresight_trials: int = 2000
    violation_margin: float = 0.01
    kill_margin_per_h: float = 0.1
    cost_margin: float = 0.02
    confidence: float = 0.95

    def __post_init__(self) -> None:
        lowest = {
            "seed": 0,
            "seeds": 2,
            "traces": 1,
            "decisions": 4,
            "members": 1,
            "tuning_traces": 1,
            "level_spread": 0.0,
            "violation_penalty": 0.0,
            "oom_penalty": 0.0,
            "foresight_trials": 1,
            "violation_margin": 0.0,
            "kill_margin_per_h": 0.0,
            "cost_margin": 0.0,
            "confidence": 0.5,
        }
        require_at_least("validation", self, lowest)
        if self.confidence >= 1.0:
            raise UserError(f"validation: confidence is {self.confidence}; give less than 1")


def quick_config(seed: int) -> ValidationConfig:
    """Small sizes, to see that everything works; its verdicts prove little."""
    return ValidationConfig(
        seed=seed,
        seeds=2,
        traces=2,
        decisions=20,
        members=2,
        tuning_traces=2,
        foresight_trials=50,
    )
