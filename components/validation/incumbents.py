"""What scales the workloads today, as good as it can be made: tuned on the training part alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from components.cluster import limits as lim
from components.cluster.compiled import FloatArray
from components.cluster.tuning import TunedAutoscaler, tune_hpa, tune_hpa_vpa
from components.cluster.vpa import memory_history_of
from components.validation.config import ValidationConfig
from components.validation.situations import Case, tuning_scenarios

# What most HorizontalPodAutoscalers in the field ask for.
DEFAULT_TARGET = 0.7


@dataclass(frozen=True, slots=True)
class Incumbents:
    """HPA alone and HPA with VPA on memory, tuned per workload [W].

    memory_history [W, H] is what VPA's recommender has seen in the training part.
    """

    hpa: TunedAutoscaler
    hpa_vpa: TunedAutoscaler
    memory_history: FloatArray

    def settings(self, index: int) -> dict[str, float]:
        """The tuned HPA + VPA of one workload, as JSON values: what acts until hand-over."""
        tuned = self.hpa_vpa
        return {
            "cpu_target": round(float(tuned.target[index]), 4),
            "cpu_m": float(tuned.allocation[index, lim.CPU_M]),
            "memory_margin": round(float(tuned.margin[index]), 4),
            "memory_floor_bytes": tuned.minimum_bytes,
        }


def tune_incumbents(cases: Sequence[Case], config: ValidationConfig) -> Incumbents:
    """Tunes both with the penalties for violations and OOM kills that the policy is searched with.

    HPA + VPA gets as many episodes as the policy's search; HPA alone, whose settings are as few,
    gets a third.
    """
    scenarios = tuning_scenarios(cases, config)
    fewer = max(1, config.tuning_traces // 3)
    third = scenarios.first(fewer)
    usual = np.vstack([case.usual_allocation for case in cases])
    history = np.stack([memory_history_of(case.measured.training) for case in cases])
    penalty, kill_penalty = config.violation_penalty, config.oom_penalty
    return Incumbents(
        hpa=tune_hpa(third, usual, penalty, kill_penalty=kill_penalty),
        hpa_vpa=tune_hpa_vpa(scenarios, usual, history, penalty, kill_penalty=kill_penalty),
        memory_history=history,
    )
