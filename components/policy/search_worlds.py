"""The worlds of a batch of searches, and what rules come to in them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from components.cluster.compiled import FloatArray, contiguous
from components.cluster.noise import draw_noise
from components.cluster.reward import INTERVAL_STEPS
from components.policy.rule_parameters import from_unit
from components.policy.rule_scores import SCORE_COUNT, score_rules


@dataclass(frozen=True, slots=True)
class Worlds:
    """V worlds of each of B workloads, and what every rule begins with in them.

    parameters [B, V, P], limits [B, L], rates [B, V, T] per second, allocations [B, 3],
    pasts [B, T0, M] and weights [4].
    """

    parameters: FloatArray
    limits: FloatArray
    rates: FloatArray
    allocations: FloatArray
    pasts: FloatArray
    weights: FloatArray

    def measure(
        self, units: FloatArray, variants: NDArray[np.intp], rng: np.random.Generator
    ) -> FloatArray:
        """[B, C, W, SCORE_COUNT] of units [B, C, K] on variants [B, W] (indices), fresh chance."""
        batch, count = variants.shape
        rows = np.arange(batch)[:, None]
        rates = contiguous(self.rates[rows, variants])
        steps = rates.shape[2]
        noise = draw_noise(rng, steps, batch * count).reshape(batch, count, steps, -1)
        out = np.zeros((batch, units.shape[1], count, SCORE_COUNT))
        score_rules(
            contiguous(from_unit(units)),
            contiguous(self.parameters[rows, variants]),
            self.limits,
            rates,
            contiguous(noise),
            self.allocations,
            self.pasts,
            self.weights,
            steps // INTERVAL_STEPS,
            out,
        )
        return out


def choose(rng: np.random.Generator, batch: int, variants: int, count: int) -> NDArray[np.intp]:
    """Indices [batch, min(count, variants)] of variants, drawn anew for each workload."""
    order = np.argsort(rng.random((batch, variants)), axis=1)
    return order[:, : min(count, variants)]
