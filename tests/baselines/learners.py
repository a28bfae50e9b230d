"""The learning baselines, trained by Stable-Baselines3 on the Gymnasium environment.

One policy for all applications, learned from applications that are never scored and applied to
the scored ones as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from stable_baselines3 import A2C, DDPG, DQN, PPO
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.noise import OrnsteinUhlenbeckActionNoise, VectorizedActionNoise
from stable_baselines3.common.vec_env import VecEnv

from components.cluster.compiled import FloatArray
from components.cluster.environment import ServiceVectorEnv
from components.cluster.environment_episode import Episode
from components.cluster.limits import ALLOCATION_COUNT
from components.cluster.observation import OBSERVATION_FIELDS
from components.cluster.reward import EPISODE_FIELDS
from components.policy.prices import Prices
from tests.baselines.rules import VIOLATION_PENALTY

ENVIRONMENTS = 64
DISCOUNT = 0.9
# FIRM's (Qiu et al., OSDI 2020): two layers of 40, learning rates of actor and critic.
FIRM_LAYERS = [40, 40]
FIRM_ACTOR_RATE, FIRM_CRITIC_RATE = 3e-4, 3e-3
FIRM_NOISE = 0.2
DEFAULT_PRICES = Prices(VIOLATION_PENALTY)
OOM_KILLED = OBSERVATION_FIELDS.index("oom_killed")


class StableBaselinesBatch(VecEnv):
    """ServiceVectorEnv as Stable-Baselines3's own kind of vector environment."""

    def __init__(
        self, environment: ServiceVectorEnv, seed: int, prices: Prices = DEFAULT_PRICES
    ) -> None:
        """Violations and OOM kills cost a learner what they cost the others in their tuning."""
        # Before super's: it asks for an attribute already.
        self._environment = environment
        super().__init__(
            environment.num_envs,
            environment.single_observation_space,
            environment.single_action_space,
        )
        self._prices = prices
        self._seed: int | None = seed
        self._actions: NDArray[Any] = np.zeros(0)

    def reset(self) -> NDArray[np.float32]:
        observations, _ = self._environment.reset(seed=self._seed)
        self._seed = None
        return observations

    def step_async(self, actions: NDArray[Any]) -> None:
        self._actions = actions

    def step_wait(self) -> tuple[Any, Any, Any, list[dict[str, Any]]]:
        observations, rewards, _, truncated, info = self._environment.step(self._actions)
        infos: list[dict[str, Any]] = [{} for _ in range(self.num_envs)]
        for row in np.flatnonzero(truncated):
            infos[row] = {
                "terminal_observation": info["final_obs"][row],
                "TimeLimit.truncated": True,
            }
        last = info["final_obs"] if truncated.any() else observations
        # A minute with a kill is a rate of 60 an hour.
        priced = (
            rewards
            - self._prices.violation * info["violation"]
            - self._prices.kill_per_h * 60.0 * last[:, OOM_KILLED]
        )
        return observations, priced.astype(np.float32), truncated, infos

    def close(self) -> None:
        self._environment.close()

    def get_attr(self, attr_name: str, indices: Any = None) -> list[Any]:
        return [getattr(self._environment, attr_name, None)] * self.num_envs

    def set_attr(self, attr_name: str, value: Any, indices: Any = None) -> None:
        raise AttributeError(attr_name)

    def env_method(self, method_name: str, *args: Any, indices: Any = None, **named: Any) -> Any:
        raise AttributeError(method_name)

    def env_is_wrapped(self, wrapper_class: Any, indices: Any = None) -> list[bool]:
        return [False] * self.num_envs


class Firm(DDPG):
    """DDPG with learning rates of their own for actor and critic, as FIRM has them."""

    def _setup_model(self) -> None:
        super()._setup_model()
        for optimizer, rate in (
            (self.actor.optimizer, FIRM_ACTOR_RATE),
            (self.critic.optimizer, FIRM_CRITIC_RATE),
        ):
            for group in optimizer.param_groups:
                group["lr"] = rate

    def _update_learning_rate(self, optimizers: Any) -> None:
        """Both stay as they are."""


@dataclass(frozen=True, slots=True)
class Learner:
    """A learning baseline: its name, its kind of action, its share of the decisions, its maker.

    FIRM learns often from a decision, so it gets fewer of them in the same time.
    """

    name: str
    discrete: bool
    share: float
    make: Callable[[VecEnv, int], BaseAlgorithm]


def _ppo(environment: VecEnv, seed: int) -> BaseAlgorithm:
    return PPO(
        "MlpPolicy",
        environment,
        n_steps=48,
        batch_size=768,
        n_epochs=4,
        gamma=DISCOUNT,
        gae_lambda=0.9,
        ent_coef=0.001,
        learning_rate=lambda remaining: 2e-3 * (0.1 + 0.9 * remaining),
        policy_kwargs={"log_std_init": -1.0},
        seed=seed,
    )


def _a2c(environment: VecEnv, seed: int) -> BaseAlgorithm:
    return A2C(
        "MlpPolicy",
        environment,
        n_steps=8,
        gamma=DISCOUNT,
        gae_lambda=0.9,
        learning_rate=1e-3,
        policy_kwargs={"log_std_init": -1.0},
        seed=seed,
    )


def _dqn(environment: VecEnv, seed: int) -> BaseAlgorithm:
    return DQN(
        "MlpPolicy",
        environment,
        gamma=DISCOUNT,
        learning_rate=5e-4,
        buffer_size=100_000,
        learning_starts=2 * ENVIRONMENTS,
        batch_size=128,
        train_freq=1,
        gradient_steps=8,
        target_update_interval=1000,
        exploration_fraction=0.4,
        exploration_final_eps=0.03,
        seed=seed,
    )


def _firm(environment: VecEnv, seed: int) -> BaseAlgorithm:
    noise = OrnsteinUhlenbeckActionNoise(
        np.zeros(ALLOCATION_COUNT), np.full(ALLOCATION_COUNT, FIRM_NOISE)
    )
    return Firm(
        "MlpPolicy",
        environment,
        gamma=DISCOUNT,
        tau=1e-3,
        batch_size=64,
        buffer_size=100_000,
        learning_starts=2 * ENVIRONMENTS,
        train_freq=1,
        gradient_steps=16,
        action_noise=VectorizedActionNoise(noise, environment.num_envs),
        policy_kwargs={"net_arch": FIRM_LAYERS},
        seed=seed,
    )


LEARNERS = (
    Learner("FIRM (DDPG)", discrete=False, share=0.5, make=_firm),
    Learner("DQN", discrete=True, share=1.0, make=_dqn),
    Learner("policy gradient (A2C)", discrete=False, share=1.0, make=_a2c),
    Learner("PPO without meta-learning", discrete=False, share=1.0, make=_ppo),
)


def play_learners(
    scored: Episode, decisions: int, seed: int
) -> Iterator[tuple[str, dict[str, FloatArray]]]:
    """Train each learner for so many decisions; its name and scored figures, each [B]."""
    for learner in LEARNERS:
        environment = ServiceVectorEnv(ENVIRONMENTS, discrete=learner.discrete)
        # Applications of their own: a world's are drawn from [seed, 1].
        model = learner.make(StableBaselinesBatch(environment, 1000 + seed), seed)
        model.learn(int(learner.share * decisions))
        yield learner.name, apply(model, scored, learner.discrete)


def apply(model: BaseAlgorithm, scored: Episode, discrete: bool) -> dict[str, FloatArray]:
    """The figures [B] of a trained model on scored episodes, without exploration."""
    batch, steps = scored.rates.shape
    decisions = steps // 4 - 1
    environment = ServiceVectorEnv(batch, decisions, lambda *_: scored, discrete)
    observations, _ = environment.reset(seed=0)
    for _ in range(decisions):
        actions, _ = model.predict(observations, deterministic=True)
        observations, _, _, _, info = environment.step(actions)
    metrics: dict[str, FloatArray] = info["final_info"]["metrics"]
    assert set(metrics) == set(EPISODE_FIELDS)
    return metrics
