"""How large the comparisons on hidden workloads are."""

from __future__ import annotations

from dataclasses import dataclass, replace

from components.fine_tuning.config import FineTuningConfig, quick_config
from components.meta_training.config import MetaTrainingConfig
from components.policy.search import FINAL_ROUNDS, FINAL_VARIANTS, FINALISTS
from tests.hidden_workloads.world import Sizes

SETTINGS_OF_A_TUNING = 102


@dataclass(frozen=True, slots=True)
class Plan:
    """How large the comparison is."""

    world: Sizes
    search: FineTuningConfig
    meta: MetaTrainingConfig
    encoder_applications: int
    encoder_updates: int
    foresight_trials: int

    @property
    def tuning_traces(self) -> int:
        """As many as give the incumbents' tuning the search's episodes."""
        search = self.search
        finals = (FINALISTS + 2) * FINAL_ROUNDS * FINAL_VARIANTS
        episodes = search.iterations * search.candidates * search.traces + finals
        return max(3, episodes // SETTINGS_OF_A_TUNING)


FULL = Plan(
    Sizes(16, 60, 96, 3, 8),
    FineTuningConfig(),
    MetaTrainingConfig(iterations=60, applications=256, held_out_applications=96, patience=6),
    1024,
    400,
    4000,
)
QUICK = Plan(
    Sizes(3, 30, 24, 2, 3),
    replace(quick_config(0), decisions=24),
    MetaTrainingConfig(iterations=4, applications=32, held_out_applications=16, term_decisions=8),
    64,
    20,
    200,
)
