"""HPA and VPA made as strong as they can be, per workload, on traces they are not judged on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from components.cluster import limits as lim
from components.cluster import parameters as par
from components.cluster.autoscaler_rollout import (
    HORIZONTAL,
    MARGIN,
    MINIMUM_BYTES,
    SETTINGS_COUNT,
    TARGET,
    VERTICAL_MEMORY,
    VERTICAL_NONE,
)
from components.cluster.compiled import FloatArray, contiguous
from components.cluster.horizontal import HPA_CPU, KEDA_REQUESTS
from components.cluster.limits import clip_allocation
from components.cluster.reward import INTERVAL_STEPS, RewardWeights
from components.cluster.rollout import whole_intervals
from components.cluster.tuning_grid import Change, coarse, fine, margins, memory_sizes
from components.cluster.tuning_scores import score_autoscalers
from components.cluster.vpa import HISTORY_COUNT


@dataclass(frozen=True, slots=True)
class TunedAutoscaler:
    """Settings per workload: target [B], margin [B] and allocation [B, 3] to start from.

    minimum_bytes is the recommender's floor of memory, horizontal the rule of
    components.cluster.horizontal that the target is of; score [B] is what tuning maximised:
    mean reward less the penalties for the violated share and for OOM kills, on the traces it was
    given.
    """

    target: FloatArray
    margin: FloatArray
    allocation: FloatArray
    score: FloatArray
    minimum_bytes: float = 0.0
    horizontal: int = HPA_CPU


@dataclass(frozen=True, slots=True)
class Scenarios:
    """What candidates are compared on: V variants (twin members and traces) of each workload.

    parameters [B, V, P], limits [B, L], rates [B, V, T] per second, noise [B, V, T, N].
    """

    parameters: FloatArray
    limits: FloatArray
    rates: FloatArray
    noise: FloatArray

    @property
    def steps(self) -> int:
        """Steps of an episode: whole decision intervals."""
        return whole_intervals(self.rates[:, 0], INTERVAL_STEPS)

    def first(self, variants: int) -> Scenarios:
        """The first so many variants of each workload."""
        return Scenarios(
            self.parameters[:, :variants],
            self.limits,
            self.rates[:, :variants],
            self.noise[:, :variants],
        )

    def usual(self, horizontal: int) -> FloatArray | None:
        """The usual total [B] of what a rule's target is an amount of; None for a utilisation.

        Requests at work are the rate times a request's time without any waiting (Little's law).
        """
        if horizontal == HPA_CPU:
            return None
        rate: FloatArray = self.rates.mean(axis=2)
        if horizontal != KEDA_REQUESTS:
            held_ms = self.parameters[:, :, [par.SERVICE_DEMAND_MS, par.WAIT_MS]].sum(axis=2)
            rate = rate * held_ms * 1e-3
        usual: FloatArray = rate.mean(axis=1)
        return usual


def tune_hpa(
    scenarios: Scenarios,
    initial_allocation: FloatArray,
    violation_penalty: float = 0.1,
    weights: RewardWeights | None = None,
    kill_penalty: float = 0.0,
    horizontal: int = HPA_CPU,
) -> TunedAutoscaler:
    """The best target, CPU size and memory size for HPA alone; initial_allocation [B, 3].

    kill_penalty is what one OOM kill an hour costs; horizontal another rule in HPA's place.
    """
    nothing = np.zeros((len(scenarios.limits), HISTORY_COUNT))
    search = _Search(scenarios, nothing, VERTICAL_NONE, (violation_penalty, kill_penalty), weights)
    return search.run(initial_allocation, minimum_bytes=0.0, horizontal=horizontal)


def tune_hpa_vpa(
    scenarios: Scenarios,
    initial_allocation: FloatArray,
    memory_history: FloatArray,
    violation_penalty: float = 0.1,
    weights: RewardWeights | None = None,
    minimum_bytes: float = 0.0,
    kill_penalty: float = 0.0,
    horizontal: int = HPA_CPU,
) -> TunedAutoscaler:
    """The best target and CPU size for HPA with the best margin for VPA on memory.

    memory_history [B, H] is what the recommender has seen in training. Without its usual floor
    of 250 MiB (minimum_bytes = 0) VPA is stronger on small services.
    """
    penalties = (violation_penalty, kill_penalty)
    search = _Search(scenarios, memory_history, VERTICAL_MEMORY, penalties, weights)
    return search.run(initial_allocation, minimum_bytes, horizontal)


class _Search:
    """A grid over target and CPU size, then over memory, then a finer grid around the best."""

    def __init__(
        self,
        scenarios: Scenarios,
        history: FloatArray,
        vertical: int,
        penalties: tuple[float, float],
        weights: RewardWeights | None,
    ) -> None:
        self._scenarios = scenarios
        self._history = contiguous(history)
        self._vertical = vertical
        self._penalties = np.array([1.0, *(-penalty for penalty in penalties)])
        self._weights = (weights or RewardWeights()).row()

    def run(
        self, initial_allocation: FloatArray, minimum_bytes: float, horizontal: int
    ) -> TunedAutoscaler:
        limits = self._scenarios.limits
        batch = len(limits)
        # Memory as large as allowed, so that the first grid is about CPU alone.
        allocation = clip_allocation(contiguous(initial_allocation), limits)
        if self._vertical == VERTICAL_NONE:
            allocation[:, lim.MEMORY_BYTES] = limits[:, lim.MEMORY_MAX_BYTES]
        settings = np.zeros((batch, SETTINGS_COUNT))
        settings[:, HORIZONTAL] = horizontal
        settings[:, MARGIN] = 0.15
        settings[:, MINIMUM_BYTES] = minimum_bytes
        usual = self._scenarios.usual(horizontal)
        memory = margins() if self._vertical == VERTICAL_MEMORY else memory_sizes(limits)
        for grid in (coarse(limits, usual), memory, fine(), memory):
            allocation, settings, score = self._best_of(allocation, settings, grid)
        return TunedAutoscaler(
            settings[:, TARGET].copy(),
            settings[:, MARGIN].copy(),
            allocation,
            score,
            minimum_bytes,
            horizontal,
        )

    def _best_of(
        self, allocation: FloatArray, settings: FloatArray, grid: list[Change]
    ) -> tuple[FloatArray, FloatArray, FloatArray]:
        limits = self._scenarios.limits
        applied = [change.apply(allocation, settings, limits) for change in grid]
        allocations = np.stack([pair[0] for pair in applied], axis=1)
        rows = np.stack([pair[1] for pair in applied], axis=1)
        out = np.zeros((len(limits), len(grid), 3))
        scenarios = self._scenarios
        score_autoscalers(
            contiguous(scenarios.parameters),
            contiguous(limits),
            contiguous(scenarios.rates),
            contiguous(scenarios.noise),
            contiguous(allocations),
            contiguous(rows),
            self._history,
            self._vertical,
            self._weights,
            scenarios.steps // INTERVAL_STEPS,
            out,
        )
        score = out @ self._penalties
        best = score.argmax(axis=1)
        each = np.arange(len(limits))
        return allocations[each, best].copy(), rows[each, best].copy(), score[each, best].copy()
