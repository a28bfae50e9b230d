"""Direct policies as rows of the benchmark `control`: trained once, played in each hidden world.

    rows = train_rows(meta.encoder, seed=7, effort=FULL)
    for name, rolled in rows.rows_for(world, start): ...

All learn from synthetic applications, none of them scored, at the search's prices of violations and
OOM kills, and act as they are on workloads that they have never met. FIRM, DQN, policy gradient and
plain PPO are Stable-Baselines3's; PPO without and with a recurrent embedding of the workload's
telemetry (AWARE's way: Qiu et al., USENIX ATC 2023, section 4) is our own, and gets more decisions,
for it is faster.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from stable_baselines3.common.base_class import BaseAlgorithm

from components.agent.encoder import Encoder
from components.cluster.compiled import FloatArray
from components.cluster.environment import DISCRETE_ACTIONS, DISCRETE_STEP, ServiceVectorEnv
from components.cluster.rollout import Rollout
from tests.baselines.direct_course import Observations
from tests.baselines.direct_training import embeddings_of, train_on_all
from tests.baselines.learners import ENVIRONMENTS, LEARNERS, Learner, StableBaselinesBatch
from tests.baselines.online_learning import play_direct
from tests.baselines.stacked_policies import StackedPolicies
from tests.baselines.stacked_ppo import PRICES, with_context
from tests.hidden_workloads.world import HiddenWorld

PLAIN = "PPO, bounded steps, all applications"
RECURRENT = "meta-PPO, recurrent embedding (AWARE-style)"


@dataclass(frozen=True, slots=True)
class Effort:
    """decisions: of each of Stable-Baselines3's learners (FIRM: half); ours have `stretches` of 48
    on so many applications at once."""

    decisions: int
    applications: int
    stretches: int


FULL = Effort(150_000, 256, 240)
QUICK = Effort(1_500, 16, 2)


@dataclass(frozen=True, slots=True)
class DirectRows:
    """The trained policies."""

    learned: tuple[tuple[Learner, BaseAlgorithm], ...]
    plain: StackedPolicies
    recurrent: StackedPolicies
    encoder: Encoder

    def rows_for(self, world: HiddenWorld, allocation: FloatArray) -> Iterator[tuple[str, Rollout]]:
        """Names and rollouts over the world's situations from allocation [W R, 3]."""
        for learner, model in self.learned:
            yield (
                learner.name,
                Rollout(play_direct(_acting(learner, model), world, allocation)),
            )
        yield PLAIN, Rollout(play_direct(_stacked(self.plain, None), world, allocation))
        pasts = [case.measured.past for case in world.cases]
        embeddings = np.concatenate([embeddings_of(self.encoder, past) for past in pasts])
        beside = world.spread(embeddings).astype(np.float32)
        yield RECURRENT, Rollout(play_direct(_stacked(self.recurrent, beside), world, allocation))


def train_rows(encoder: Encoder, seed: int, effort: Effort) -> DirectRows:
    """Train them all; the encoder is one that was trained already, the meta-policy's."""
    learned = []
    for learner in LEARNERS:
        environment = ServiceVectorEnv(ENVIRONMENTS, discrete=learner.discrete)
        model = learner.make(StableBaselinesBatch(environment, 1000 + seed, PRICES), seed)
        model.learn(int(learner.share * effort.decisions))
        learned.append((learner, model))
    return DirectRows(
        tuple(learned),
        train_on_all(effort.applications, effort.stretches, seed),
        train_on_all(effort.applications, effort.stretches, seed, encoder),
        encoder,
    )


Act = Callable[[Observations], npt.NDArray[Any]]


def _acting(learner: Learner, model: BaseAlgorithm) -> Act:
    def act(observations: Observations) -> npt.NDArray[Any]:
        actions, _ = model.predict(observations, deterministic=True)
        return DISCRETE_ACTIONS[actions] * DISCRETE_STEP if learner.discrete else actions

    return act


def _stacked(policies: StackedPolicies, beside: Observations | None) -> Act:
    def act(observations: Observations) -> npt.NDArray[Any]:
        return policies.act(with_context(observations, beside)[None])[0]

    return act
