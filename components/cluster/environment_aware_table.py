"""AWARE's published test task as a Gymnasium environment."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
import numpy.typing as npt

from components.cluster.aware_table import (
    ACTIONS,
    EPISODE_STEPS,
    OBSERVATION_FIELDS,
    table_problem,
)


class AwareTableEnv(gymnasium.Env[npt.NDArray[np.float32], int]):
    """One service of aware_table: five actions, ten steps, then the episode is over."""

    metadata: dict[str, Any] = {"render_modes": []}  # noqa: RUF012 (as Gymnasium declares it)

    def __init__(self) -> None:
        self.observation_space = gymnasium.spaces.Box(
            0.0, 1.0, (len(OBSERVATION_FIELDS),), np.float32
        )
        self.action_space = gymnasium.spaces.Discrete(len(ACTIONS))  # type: ignore[assignment]
        self._problem = table_problem()
        self._state = int(self._problem.starts[0])
        self._step = 0

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[npt.NDArray[np.float32], dict[str, Any]]:
        """Start without containers, at a rate drawn anew."""
        super().reset(seed=seed)
        self._state = int(self.np_random.choice(self._problem.starts))
        self._step = 0
        return self._observation(), {}

    def step(
        self, action: int
    ) -> tuple[npt.NDArray[np.float32], float, bool, bool, dict[str, Any]]:
        """Act once: (observation [6], reward, whether the episode is over, False, {})."""
        reward = float(self._problem.rewards[self._state, action])
        self._state = int(self._problem.following[self._state, action])
        self._step += 1
        return self._observation(), reward, self._step >= EPISODE_STEPS, False, {}

    def _observation(self) -> npt.NDArray[np.float32]:
        return np.asarray(self._problem.observations[self._state], dtype=np.float32)


gymnasium.register(
    id="aware/Table-v0",
    entry_point="components.cluster.environment_aware_table:AwareTableEnv",
)
