"""What happens to the services of the Gymnasium environments in one episode, drawn beforehand."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from components.cluster import limits as lim
from components.cluster.applications import sample_applications
from components.cluster.compiled import FloatArray, contiguous
from components.cluster.limits import clip_allocation
from components.cluster.noise import draw_noise
from components.cluster.rates import synthetic_rates


@dataclass(frozen=True, slots=True)
class Episode:
    """B services and their course.

    parameters: of the simulator, [B, P]; limits: [B, L].
    rates: per second, [B, T]; noise: standard draws, [B, T, N].
    allocation: in force at the start, [B, 3].
    """

    parameters: FloatArray
    limits: FloatArray
    rates: FloatArray
    noise: FloatArray
    allocation: FloatArray

    def __post_init__(self) -> None:
        batch, steps = self.rates.shape
        if not len(self.parameters) == len(self.limits) == len(self.allocation) == batch:
            raise ValueError("an episode needs as many services as it has rows of rates")
        if self.noise.shape[:2] != (batch, steps):
            raise ValueError(f"noise {self.noise.shape} doesn't fit to rates {self.rates.shape}")


# Draws the episode of so many services (B) and steps of 15 s (T).
DrawEpisode = Callable[[np.random.Generator, int, int], Episode]


def synthetic_episode(rng: np.random.Generator, batch: int, steps: int) -> Episode:
    """Fresh synthetic applications under fresh synthetic rates, from a random allocation."""
    parameters, limits, mean_rates = sample_applications(rng, batch)
    return Episode(
        parameters=parameters,
        limits=limits,
        rates=synthetic_rates(rng, batch, steps, mean_rates),
        noise=draw_noise(rng, steps, batch),
        allocation=random_allocation(rng, limits),
    )


def random_allocation(rng: np.random.Generator, limits: FloatArray) -> FloatArray:
    """Allocations [B, 3] log-uniform in the upper three quarters of the bounds of limits [B, L]."""
    position = rng.uniform(0.25, 1.0, size=(len(limits), lim.ALLOCATION_COUNT))
    low = limits[:, [lim.REPLICAS_MIN, lim.CPU_MIN_M, lim.MEMORY_MIN_BYTES]]
    high = limits[:, [lim.REPLICAS_MAX, lim.CPU_MAX_M, lim.MEMORY_MAX_BYTES]]
    sizes = np.round(low * (high / low) ** position)
    return contiguous(clip_allocation(sizes, limits))
