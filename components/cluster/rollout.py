"""What an episode of a batch of workloads under one controller came to."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from components.cluster.compiled import FloatArray
from components.cluster.limits import ALLOCATION_COUNT
from components.cluster.reward import EPISODE_COUNT, EPISODE_FIELDS
from components.cluster.sample import SAMPLE_COUNT


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
