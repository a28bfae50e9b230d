"""Workloads under bounded relative steps of replicas, CPU and memory, for as long as one likes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from components.cluster.compiled import FloatArray, contiguous
from components.cluster.environment_course import OBSERVATION_BOUND
from components.cluster.environment_interval import MEMORY_COUNT, decide_rows
from components.cluster.limits import ALLOCATION_COUNT, clip_allocation
from components.cluster.observation import OBSERVATION_COUNT
from components.cluster.reward import (
    EPISODE_COUNT,
    INTERVAL_STEPS,
    OOM_KILLS,
    RewardWeights,
    finish_totals,
)
from components.cluster.state import initial_state
from tests.hidden_workloads.rebuilt import hidden_decide_rows, hidden_initial_state

Observations = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Workloads:
    """B workloads: parameters [B, P] (of hidden ones more), limits [B, L], whether they hide."""

    parameters: FloatArray
    limits: FloatArray
    hidden: bool

    def repeated(self, times: int) -> Workloads:
        """Each of them so many times, one after the other."""
        return Workloads(
            np.repeat(self.parameters, times, axis=0),
            np.repeat(self.limits, times, axis=0),
            self.hidden,
        )


class DirectCourse:
    """A stay without an end: each call of decide is one decision of 60 s for all workloads."""

    def __init__(self, workloads: Workloads, allocation: FloatArray, rates: FloatArray) -> None:
        """Begin in balance at allocation [B, 3] and rates [B]."""
        batch = len(workloads.limits)
        self._parameters = contiguous(workloads.parameters)
        self._limits = contiguous(workloads.limits)
        self._allocation = contiguous(clip_allocation(contiguous(allocation), self._limits))
        begin = hidden_initial_state if workloads.hidden else initial_state
        self._decide_rows = hidden_decide_rows if workloads.hidden else decide_rows
        self._state = begin(self._parameters, self._limits, self._allocation, contiguous(rates))
        self._memory = np.zeros((batch, MEMORY_COUNT))
        self._totals = np.zeros((batch, EPISODE_COUNT))
        self._weights = RewardWeights().row()
        self._decided = 0

    def decide(
        self, actions: npt.NDArray[np.floating], rates: FloatArray, noise: FloatArray
    ) -> tuple[Observations, FloatArray]:
        """(observations [B, O], outcome [B, 3]: reward, violated share, OOM kills).

        actions [B, 3] in [-1, 1]; rates [B, 4] and noise [B, 4, N] of the 60 s that follow.
        """
        observations = np.zeros((len(self._state), OBSERVATION_COUNT))
        outcome = np.zeros((len(self._state), 2))
        kills = self._totals[:, OOM_KILLS].copy()
        self._decide_rows(
            self._state,
            self._parameters,
            self._limits,
            self._allocation,
            contiguous(actions),
            contiguous(rates),
            contiguous(noise),
            self._weights,
            self._memory,
            self._totals,
            observations,
            outcome,
        )
        self._decided += 1
        bounded = np.clip(observations, -OBSERVATION_BOUND, OBSERVATION_BOUND)
        killed = self._totals[:, OOM_KILLS] - kills
        return bounded.astype(np.float32), np.column_stack([outcome, killed])

    def hold(self, rates: FloatArray, noise: FloatArray) -> Observations:
        """Observations [B, O] of a minute in which nothing is changed."""
        return self.decide(np.zeros((len(self._state), ALLOCATION_COUNT)), rates, noise)[0]

    def metrics(self) -> FloatArray:
        """The figures so far [B, E] in the order of EPISODE_FIELDS."""
        rows = self._totals.copy()
        for row in rows:
            finish_totals(row, self._decided, self._decided * INTERVAL_STEPS)
        return rows


def by_minute(steps: FloatArray) -> FloatArray:
    """Rates [B, T] or noise [B, T, N] as [T / 4, B, 4] or [T / 4, B, 4, N]."""
    batch, count = steps.shape[:2]
    minutes = count // INTERVAL_STEPS
    shape = (batch, minutes, INTERVAL_STEPS, *steps.shape[2:])
    return contiguous(steps[:, : minutes * INTERVAL_STEPS].reshape(shape).swapaxes(0, 1))
