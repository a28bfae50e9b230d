"""Episodes of a batch of workloads under HPA, alone or with VPA, and what they came to."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from components.cluster.autoscaler_rollout import (
    HORIZONTAL,
    MARGIN,
    MINIMUM_BYTES,
    SETTINGS_COUNT,
    TARGET,
    VERTICAL_CPU_AND_MEMORY,
    VERTICAL_MEMORY,
    VERTICAL_NONE,
    autoscaler_rows,
)
from components.cluster.compiled import FloatArray, contiguous
from components.cluster.horizontal import HPA_CPU
from components.cluster.limits import ALLOCATION_COUNT, clip_allocation
from components.cluster.reward import (
    EPISODE_COUNT,
    EPISODE_FIELDS,
    INTERVAL_STEPS,
    RewardWeights,
)
from components.cluster.sample import SAMPLE_COUNT
from components.cluster.state import initial_state
from components.cluster.vpa import HISTORY_COUNT, MINIMUM_MEMORY_BYTES


@dataclass(frozen=True, slots=True)
class Rollout:
    """metrics [B, E] in the order of EPISODE_FIELDS; the course where it was asked for.

    samples [B, T, M]; allocations [B, T, 3]: what was wanted during each step.
    """

    metrics: FloatArray
    samples: FloatArray | None = None
    allocations: FloatArray | None = None

    def metric(self, name: str) -> FloatArray:
        """One of EPISODE_FIELDS: [B]."""
        column: FloatArray = self.metrics[:, EPISODE_FIELDS.index(name)]
        return column


@dataclass(frozen=True, slots=True)
class Course:
    """Room for an episode's course; of one step only when it isn't kept."""

    metrics: FloatArray
    samples: FloatArray
    allocations: FloatArray
    keep: bool

    @classmethod
    def of(cls, batch: int, steps: int, keep: bool) -> Course:
        """Arrays for `batch` workloads and `steps` steps."""
        rows = batch if keep else 0
        return cls(
            np.zeros((batch, EPISODE_COUNT)),
            np.zeros((rows, steps, SAMPLE_COUNT)),
            np.zeros((rows, steps, ALLOCATION_COUNT)),
            keep,
        )

    def rollout(self) -> Rollout:
        """The filled course as a result."""
        if not self.keep:
            return Rollout(self.metrics)
        return Rollout(self.metrics, self.samples, self.allocations)


def whole_intervals(rates: FloatArray, interval_steps: int) -> int:
    """Number of steps of rates [B, T] that form whole decision intervals; ValueError if none."""
    steps = rates.shape[1] // interval_steps * interval_steps
    if steps == 0:
        raise ValueError(f"an episode needs at least {interval_steps} steps, got {rates.shape[1]}")
    return int(steps)


def rollout_hpa(
    parameters: FloatArray,
    limits: FloatArray,
    rates: FloatArray,
    noise: FloatArray,
    initial_allocation: FloatArray,
    target: FloatArray,
    keep: bool = False,
    weights: RewardWeights | None = None,
    horizontal: int = HPA_CPU,
) -> Rollout:
    """HPA on CPU with a target utilisation [B] (0 to 1); sizes stay as they start.

    Another rule of components.cluster.horizontal in its place has a target of its own unit.

    parameters [B, P], limits [B, L], rates [B, T], noise [B, T, N], initial_allocation [B, 3].
    """
    settings = np.zeros((len(parameters), SETTINGS_COUNT))
    settings[:, TARGET] = target
    settings[:, HORIZONTAL] = horizontal
    history = np.zeros((len(parameters), HISTORY_COUNT))
    return _rollout(
        parameters,
        limits,
        rates,
        noise,
        initial_allocation,
        settings,
        history,
        VERTICAL_NONE,
        keep,
        weights,
    )


def rollout_hpa_vpa(
    parameters: FloatArray,
    limits: FloatArray,
    rates: FloatArray,
    noise: FloatArray,
    initial_allocation: FloatArray,
    target: FloatArray,
    margin: FloatArray,
    memory_history: FloatArray,
    minimum_bytes: float = MINIMUM_MEMORY_BYTES,
    vpa_cpu: bool = False,
    keep: bool = False,
    weights: RewardWeights | None = None,
    horizontal: int = HPA_CPU,
) -> Rollout:
    """HPA on CPU with target [B], VPA with margin [B] on memory (with vpa_cpu on CPU as well).

    memory_history [B, H] is what the recommender has seen before (vpa.memory_history_of or
    vpa.empty_history); minimum_bytes is its pod-recommendation-min-memory. See rollout_hpa.
    """
    settings = np.zeros((len(parameters), SETTINGS_COUNT))
    settings[:, TARGET] = target
    settings[:, MARGIN] = margin
    settings[:, MINIMUM_BYTES] = minimum_bytes
    settings[:, HORIZONTAL] = horizontal
    return _rollout(
        parameters,
        limits,
        rates,
        noise,
        initial_allocation,
        settings,
        memory_history,
        VERTICAL_CPU_AND_MEMORY if vpa_cpu else VERTICAL_MEMORY,
        keep,
        weights,
    )


def _rollout(
    parameters: FloatArray,
    limits: FloatArray,
    rates: FloatArray,
    noise: FloatArray,
    initial_allocation: FloatArray,
    settings: FloatArray,
    history: FloatArray,
    vertical: int,
    keep: bool,
    weights: RewardWeights | None,
) -> Rollout:
    steps = whole_intervals(rates, INTERVAL_STEPS)
    course = Course.of(len(parameters), steps, keep)
    autoscaler_rows(
        initial_state(parameters, limits, initial_allocation, rates[:, 0]),
        contiguous(parameters),
        contiguous(limits),
        contiguous(clip_allocation(contiguous(initial_allocation), limits)),
        settings,
        contiguous(history),
        vertical,
        contiguous(rates[:, :steps]),
        contiguous(noise[:, :steps]),
        (weights or RewardWeights()).row(),
        steps // INTERVAL_STEPS,
        course.metrics,
        course.samples,
        course.allocations,
    )
    return course.rollout()
