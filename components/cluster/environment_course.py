"""An episode of the Gymnasium environments under way."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from components.cluster.compiled import FloatArray, contiguous
from components.cluster.environment_episode import Episode
from components.cluster.environment_interval import MEMORY_COUNT, decide_rows
from components.cluster.limits import clip_allocation
from components.cluster.observation import OBSERVATION_COUNT
from components.cluster.reward import (
    EPISODE_COUNT,
    EPISODE_FIELDS,
    INTERVAL_STEPS,
    finish_totals,
)
from components.cluster.state import initial_state

Observations = npt.NDArray[np.float32]
OBSERVATION_BOUND = 3.0


class Course:
    """An episode under way: what the simulator and the reward carry between decisions."""

    def __init__(self, episode: Episode, weights: FloatArray) -> None:
        batch, steps = episode.rates.shape
        intervals = steps // INTERVAL_STEPS
        self._parameters = contiguous(episode.parameters)
        self._limits = contiguous(episode.limits)
        rates = episode.rates[:, : intervals * INTERVAL_STEPS]
        noise = episode.noise[:, : intervals * INTERVAL_STEPS]
        self._rates = contiguous(rates.reshape(batch, intervals, INTERVAL_STEPS).swapaxes(0, 1))
        shape = (batch, intervals, INTERVAL_STEPS, noise.shape[-1])
        self._noise = contiguous(noise.reshape(shape).swapaxes(0, 1))
        self._allocation = contiguous(clip_allocation(contiguous(episode.allocation), self._limits))
        self._state = initial_state(
            self._parameters, self._limits, self._allocation, episode.rates[:, 0]
        )
        self._memory = np.zeros((batch, MEMORY_COUNT))
        self._totals = np.zeros((batch, EPISODE_COUNT))
        self._weights = weights
        self.decided = 0

    def decide(self, actions: npt.NDArray[Any]) -> tuple[Observations, FloatArray]:
        """(observations [B, O], outcome [B, 2]: reward and violated share) of actions [B, 3]."""
        batch = len(self._state)
        observations = np.zeros((batch, OBSERVATION_COUNT))
        outcome = np.zeros((batch, 2))
        decide_rows(
            self._state,
            self._parameters,
            self._limits,
            self._allocation,
            contiguous(actions),
            self._rates[self.decided],
            self._noise[self.decided],
            self._weights,
            self._memory,
            self._totals,
            observations,
            outcome,
        )
        self.decided += 1
        bounded = np.clip(observations, -OBSERVATION_BOUND, OBSERVATION_BOUND)
        return bounded.astype(np.float32), outcome

    def metrics(self) -> dict[str, FloatArray]:
        """The episode's figures so far by name, each [B], first interval included."""
        rows = self._totals.copy()
        for row in rows:
            finish_totals(row, self.decided, self.decided * INTERVAL_STEPS)
        return {name: rows[:, column].copy() for column, name in enumerate(EPISODE_FIELDS)}
