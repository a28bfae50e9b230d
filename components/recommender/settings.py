"""What an operator can set."""

from __future__ import annotations

from dataclasses import dataclass, field

from components.recommender.action_budget import BudgetSettings
from components.recommender.guard_settings import GuardSettings
from components.recommender.phase_settings import PhaseSettings


@dataclass(frozen=True, slots=True)
class RecommenderSettings:
    """`tick_s`: the decision interval. `workers`: writes and store reads at the same time.

    `save_every`: the evidence of a phase is stored after so many intervals; a change of phase at
    once.
    """

    tick_s: float = 60.0
    workers: int = 8
    save_every: int = 5
    guard: GuardSettings = field(default_factory=GuardSettings)
    phases: PhaseSettings = field(default_factory=PhaseSettings)
    budget: BudgetSettings = field(default_factory=BudgetSettings)
