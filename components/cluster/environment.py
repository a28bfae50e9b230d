"""The decision problem as Gymnasium environments, so that any RL library can be set against ours.

A service is scaled every 60 s by bounded relative steps of replicas, CPU and memory; observation
and reward are the product's own. `ServiceVectorEnv` is a whole batch in one compiled call,
`ServiceEnv` one service. Stable-Baselines3 trains on it as it is:

    import gymnasium
    from stable_baselines3 import PPO

    environment = gymnasium.make("components.cluster.environment:aware/Service-v0")
    model = PPO("MlpPolicy", environment, seed=0).learn(20_000)
    observation, _ = environment.reset(seed=1)
    ended = False
    while not ended:
        action, _ = model.predict(observation, deterministic=True)
        observation, reward, _, ended, info = environment.step(action)
    print(info["metrics"]["reward"], info["metrics"]["violation"])
"""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
import numpy.typing as npt
from gymnasium.vector import AutoresetMode
from gymnasium.vector.utils import batch_space

from components.cluster.environment_course import OBSERVATION_BOUND, Course, Observations
from components.cluster.environment_episode import DrawEpisode, synthetic_episode
from components.cluster.limits import ALLOCATION_COUNT
from components.cluster.observation import OBSERVATION_COUNT
from components.cluster.reward import INTERVAL_STEPS, RewardWeights

DECISIONS = 60
# A discrete action is one of {shrink, keep, grow} for replicas, CPU and memory together.
DISCRETE_STEP = 0.6
DISCRETE_ACTIONS = np.array(
    [[r, c, m] for r in (-1.0, 0.0, 1.0) for c in (-1.0, 0.0, 1.0) for m in (-1.0, 0.0, 1.0)]
)


class ServiceVectorEnv(
    gymnasium.vector.VectorEnv[Observations, npt.NDArray[Any], npt.NDArray[Any]]
):
    """A batch of services; each call of step is one decision of 60 s for all of them.

    Actions are [B, 3] in [-1, 1] (see environment_interval.requested_one), or with discrete=True
    integers [B] into DISCRETE_ACTIONS. Every episode has `decisions` of them and is truncated,
    never terminated; all rows end together and begin anew in the same step, with the last
    observation in info["final_obs"] and the episode's figures (EPISODE_FIELDS) in
    info["final_info"]["metrics"].
    """

    metadata: dict[str, Any] = {  # noqa: RUF012 (as Gymnasium declares it)
        "render_modes": [],
        "autoreset_mode": AutoresetMode.SAME_STEP,
    }

    def __init__(
        self,
        num_envs: int = 64,
        decisions: int = DECISIONS,
        draw: DrawEpisode = synthetic_episode,
        discrete: bool = False,
        weights: RewardWeights | None = None,
    ) -> None:
        """`draw` gives the services and the course of each episode; see environment_episode."""
        self.num_envs = num_envs
        self.render_mode = None
        self.single_observation_space = gymnasium.spaces.Box(
            -OBSERVATION_BOUND, OBSERVATION_BOUND, (OBSERVATION_COUNT,), np.float32
        )
        self.single_action_space = _action_space(discrete)
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self.action_space = batch_space(self.single_action_space, num_envs)
        self._decisions = decisions
        self._draw = draw
        self._discrete = discrete
        self._weights = (weights or RewardWeights()).row()
        self._course: Course | None = None

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observations, dict[str, Any]]:
        """Draw a new episode and run its first interval at the allocation it starts from."""
        super().reset(seed=seed)
        steps = (self._decisions + 1) * INTERVAL_STEPS
        self._course = Course(self._draw(self.np_random, self.num_envs, steps), self._weights)
        observations, _ = self._course.decide(np.zeros((self.num_envs, ALLOCATION_COUNT)))
        return observations, {}

    def step(
        self, actions: npt.NDArray[Any]
    ) -> tuple[Observations, npt.NDArray[Any], npt.NDArray[Any], npt.NDArray[Any], dict[str, Any]]:
        """Decide for every service: (observations, rewards, terminated, truncated, info), each [B].

        info["violation"] [B] is the share of the interval in which the objective was missed.
        """
        course = self._course
        if course is None:
            raise gymnasium.error.ResetNeeded("call reset before step")
        chosen = (
            DISCRETE_ACTIONS[np.asarray(actions)] * DISCRETE_STEP if self._discrete else actions
        )
        observations, outcome = course.decide(chosen)
        info: dict[str, Any] = {"violation": outcome[:, 1].copy()}
        ended = course.decided > self._decisions
        if ended:
            info["final_obs"] = observations
            info["final_info"] = {"metrics": course.metrics()}
            observations, _ = self.reset()
        nobody = np.zeros(self.num_envs, dtype=np.bool_)
        return observations, outcome[:, 0].copy(), nobody, np.full_like(nobody, ended), info


class ServiceEnv(gymnasium.Env[Observations, Any]):
    """One service; as ServiceVectorEnv with a batch of one, without starting anew by itself."""

    metadata: dict[str, Any] = {"render_modes": []}  # noqa: RUF012 (as Gymnasium declares it)

    def __init__(
        self,
        decisions: int = DECISIONS,
        draw: DrawEpisode = synthetic_episode,
        discrete: bool = False,
        weights: RewardWeights | None = None,
    ) -> None:
        """See ServiceVectorEnv."""
        self._decisions = decisions
        self._draw = draw
        self._discrete = discrete
        self._weights = (weights or RewardWeights()).row()
        self._course: Course | None = None
        self.observation_space = gymnasium.spaces.Box(
            -OBSERVATION_BOUND, OBSERVATION_BOUND, (OBSERVATION_COUNT,), np.float32
        )
        self.action_space = _action_space(discrete)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observations, dict[str, Any]]:
        """Draw a new episode and run its first interval at the allocation it starts from."""
        super().reset(seed=seed)
        steps = (self._decisions + 1) * INTERVAL_STEPS
        self._course = Course(self._draw(self.np_random, 1, steps), self._weights)
        observations, _ = self._course.decide(np.zeros((1, ALLOCATION_COUNT)))
        return observations[0], {}

    def step(self, action: Any) -> tuple[Observations, float, bool, bool, dict[str, Any]]:
        """Decide once: (observation [O], reward, False, truncated, info)."""
        course = self._course
        if course is None:
            raise gymnasium.error.ResetNeeded("call reset before step")
        chosen = DISCRETE_ACTIONS[int(action)] * DISCRETE_STEP if self._discrete else action
        observations, outcome = course.decide(np.asarray(chosen, dtype=np.float64)[None])
        info: dict[str, Any] = {"violation": float(outcome[0, 1])}
        truncated = course.decided > self._decisions
        if truncated:
            info["metrics"] = {name: float(values[0]) for name, values in course.metrics().items()}
        return observations[0], float(outcome[0, 0]), False, truncated, info


def _action_space(discrete: bool) -> gymnasium.Space[Any]:
    if discrete:
        return gymnasium.spaces.Discrete(len(DISCRETE_ACTIONS))
    return gymnasium.spaces.Box(-1.0, 1.0, (ALLOCATION_COUNT,), np.float32)


gymnasium.register(
    id="aware/Service-v0",
    entry_point="components.cluster.environment:ServiceEnv",
    vector_entry_point="components.cluster.environment:ServiceVectorEnv",
)
