"""HPA and VPA made as strong as they can be, per workload, on traces they are not judged on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from components.cluster import limits as lim
from components.cluster.autoscaler_rollout import (
    MARGIN,
    MINIMUM_BYTES,
    SETTINGS_COUNT,
    TARGET,
    VERTICAL_MEMORY,
    VERTICAL_NONE,
    autoscaler_episode,
)
from components.cluster.compiled import FloatArray, borrowed, compiled, contiguous
from components.cluster.limits import clip_allocation
from components.cluster.reward import (
    EPISODE_COUNT,
    INTERVAL_STEPS,
    OOM_KILLS,
    REWARD,
    STEP_HOURS,
    VIOLATION,
    RewardWeights,
)
from components.cluster.rollout import whole_intervals
from components.cluster.sample import SAMPLE_COUNT
from components.cluster.state import STATE_COUNT, initial_one
from components.cluster.vpa import HISTORY_COUNT

TARGETS = np.array([0.15, 0.22, 0.3, 0.38, 0.46, 0.55, 0.65, 0.75, 0.85])
CPU_POSITIONS = np.linspace(0.0, 1.0, 7)
MARGINS = np.array([0.02, 0.05, 0.1, 0.15, 0.25, 0.4, 0.7])
MEMORY_POSITIONS = np.linspace(0.05, 1.0, 12)
# Second pass around the best of the grid.
FINE_TARGETS = np.array([0.86, 0.93, 1.0, 1.08, 1.16])
FINE_CPU = np.array([0.84, 0.92, 1.0, 1.09, 1.19])


@dataclass(frozen=True, slots=True)
class TunedAutoscaler:
    """Settings per workload: target [B], margin [B] and allocation [B, 3] to start from.

    minimum_bytes is the recommender's floor of memory; score [B] is what tuning maximised:
    mean reward less the penalties for the violated share and for OOM kills, on the traces it was
    given.
    """

    target: FloatArray
    margin: FloatArray
    allocation: FloatArray
    score: FloatArray
    minimum_bytes: float = 0.0


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


@compiled
def score_autoscalers(
    parameters: FloatArray,
    limits: FloatArray,
    rates: FloatArray,
    noise: FloatArray,
    allocations: FloatArray,
    settings: FloatArray,
    histories: FloatArray,
    vertical: int,
    weights: FloatArray,
    intervals: int,
    out: FloatArray,
) -> None:
    """Mean reward, violation and OOM kills an hour, out [B, C, 3], of candidates [B, C, 3]."""
    parameters = borrowed(parameters)
    limits = borrowed(limits)
    rates = borrowed(rates)
    noise = borrowed(noise)
    allocations = borrowed(allocations)
    settings = borrowed(settings)
    histories = borrowed(histories)
    weights = borrowed(weights)
    out = borrowed(out)
    state = np.zeros(STATE_COUNT)
    allocation = np.zeros(3)
    history = np.zeros(HISTORY_COUNT)
    metrics = np.zeros(EPISODE_COUNT)
    no_samples = np.zeros((0, SAMPLE_COUNT))
    no_allocations = np.zeros((0, 3))
    variants = parameters.shape[1]
    hours = intervals * INTERVAL_STEPS * STEP_HOURS
    for row in range(parameters.shape[0]):
        for candidate in range(settings.shape[1]):
            for variant in range(variants):
                allocation[:] = allocations[row, candidate]
                history[:] = histories[row]
                metrics[:] = 0.0
                initial_one(
                    state,
                    parameters[row, variant],
                    allocation[0],
                    allocation[1],
                    allocation[2],
                    rates[row, variant, 0],
                )
                autoscaler_episode(
                    state,
                    parameters[row, variant],
                    limits[row],
                    allocation,
                    settings[row, candidate],
                    history,
                    vertical,
                    rates[row, variant],
                    noise[row, variant],
                    weights,
                    intervals,
                    metrics,
                    no_samples,
                    no_allocations,
                )
                out[row, candidate, 0] += metrics[REWARD] / variants
                out[row, candidate, 1] += metrics[VIOLATION] / variants
                out[row, candidate, 2] += metrics[OOM_KILLS] / (variants * hours)


def tune_hpa(
    scenarios: Scenarios,
    initial_allocation: FloatArray,
    violation_penalty: float = 0.1,
    weights: RewardWeights | None = None,
    kill_penalty: float = 0.0,
) -> TunedAutoscaler:
    """The best target, CPU size and memory size for HPA alone; initial_allocation [B, 3].

    kill_penalty is what one OOM kill an hour costs.
    """
    nothing = np.zeros((len(scenarios.limits), HISTORY_COUNT))
    search = _Search(scenarios, nothing, VERTICAL_NONE, (violation_penalty, kill_penalty), weights)
    return search.run(initial_allocation, minimum_bytes=0.0)


def tune_hpa_vpa(
    scenarios: Scenarios,
    initial_allocation: FloatArray,
    memory_history: FloatArray,
    violation_penalty: float = 0.1,
    weights: RewardWeights | None = None,
    minimum_bytes: float = 0.0,
    kill_penalty: float = 0.0,
) -> TunedAutoscaler:
    """The best target and CPU size for HPA with the best margin for VPA on memory.

    memory_history [B, H] is what the recommender has seen in training. Without its usual floor
    of 250 MiB (minimum_bytes = 0) VPA is stronger on small services.
    """
    penalties = (violation_penalty, kill_penalty)
    search = _Search(scenarios, memory_history, VERTICAL_MEMORY, penalties, weights)
    return search.run(initial_allocation, minimum_bytes)


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

    def run(self, initial_allocation: FloatArray, minimum_bytes: float) -> TunedAutoscaler:
        limits = self._scenarios.limits
        batch = len(limits)
        # Memory as large as allowed, so that the first grid is about CPU alone.
        allocation = clip_allocation(contiguous(initial_allocation), limits)
        if self._vertical == VERTICAL_NONE:
            allocation[:, lim.MEMORY_BYTES] = limits[:, lim.MEMORY_MAX_BYTES]
        settings = np.zeros((batch, SETTINGS_COUNT))
        settings[:, TARGET] = 0.5
        settings[:, MARGIN] = 0.15
        settings[:, MINIMUM_BYTES] = minimum_bytes
        for grid in (_coarse(limits), self._memory_grid(limits), _FINE, self._memory_grid(limits)):
            allocation, settings, score = self._best_of(allocation, settings, grid)
        return TunedAutoscaler(
            settings[:, TARGET].copy(), settings[:, MARGIN].copy(), allocation, score, minimum_bytes
        )

    def _memory_grid(self, limits: FloatArray) -> list[_Change]:
        if self._vertical == VERTICAL_MEMORY:
            return [_Change(margin=float(margin)) for margin in MARGINS]
        low, high = limits[:, lim.MEMORY_MIN_BYTES], limits[:, lim.MEMORY_MAX_BYTES]
        return [_Change(memory=low * (high / low) ** position) for position in MEMORY_POSITIONS]

    def _best_of(
        self, allocation: FloatArray, settings: FloatArray, grid: list[_Change]
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


@dataclass(frozen=True, slots=True)
class _Change:
    """One candidate, relative to the settings so far; None leaves a value as it is."""

    target: float | None = None
    target_factor: float = 1.0
    cpu_m: FloatArray | None = None
    cpu_factor: float = 1.0
    margin: float | None = None
    memory: FloatArray | None = None

    def apply(
        self, allocation: FloatArray, settings: FloatArray, limits: FloatArray
    ) -> tuple[FloatArray, FloatArray]:
        sizes, rows = allocation.copy(), settings.copy()
        if self.target is not None:
            rows[:, TARGET] = self.target
        rows[:, TARGET] = np.clip(rows[:, TARGET] * self.target_factor, 0.05, 1.0)
        if self.margin is not None:
            rows[:, MARGIN] = self.margin
        if self.cpu_m is not None:
            sizes[:, lim.CPU_M] = self.cpu_m
        sizes[:, lim.CPU_M] = np.round(sizes[:, lim.CPU_M] * self.cpu_factor)
        if self.memory is not None:
            sizes[:, lim.MEMORY_BYTES] = np.round(self.memory)
        return clip_allocation(sizes, limits), rows


def _coarse(limits: FloatArray) -> list[_Change]:
    low, high = limits[:, lim.CPU_MIN_M], limits[:, lim.CPU_MAX_M]
    sizes = [low * (high / low) ** position for position in CPU_POSITIONS]
    return [_Change(target=float(target), cpu_m=size) for target in TARGETS for size in sizes]


_FINE = [
    _Change(target_factor=float(target), cpu_factor=float(cpu))
    for target in FINE_TARGETS
    for cpu in FINE_CPU
]
