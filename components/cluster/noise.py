"""The randomness of the simulator, drawn beforehand and passed in."""

from __future__ import annotations

import numpy as np

from components.cluster.compiled import FloatArray

NOISE_ARRIVALS = 0
NOISE_RATE = 1
NOISE_LATENCY = 2
NOISE_CPU = 3
NOISE_MEMORY = 4
NOISE_COUNT = 5


def draw_noise(rng: np.random.Generator, steps: int, batch: int) -> FloatArray:
    """Standard normal draws [batch, steps, N].

    The first workload's draws don't depend on how many others are drawn with it, so that a batch
    can be compared with single workloads.
    """
    return rng.standard_normal((batch, steps, NOISE_COUNT))


def no_noise(steps: int, batch: int) -> FloatArray:
    """Zeros [batch, steps, N]: the expected course, without chance."""
    return np.zeros((batch, steps, NOISE_COUNT))
