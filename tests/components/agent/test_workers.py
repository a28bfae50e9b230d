"""Processes that train together, here as threads that meet at a barrier."""

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import numpy as np
import pytest
import torch
from torch import Tensor

from components.agent.meta_learner import LearningSettings, MetaLearner
from components.agent.populations import share_of, synthetic_population
from components.agent.workers import ALONE
from components.policy.rule_parameters import default_rule, to_unit
from tests.components.agent.stage_inputs import untrained_encoder

COUNT = 2


@dataclass
class Table:
    """Where the threads lay what they bring."""

    met: threading.Barrier = field(default_factory=lambda: threading.Barrier(COUNT, timeout=60))
    brought: list[list[Tensor]] = field(default_factory=lambda: [[] for _ in range(COUNT)])


@dataclass(frozen=True)
class Thread:
    """One of the workers, as a thread of this process."""

    rank: int
    table: Table
    count: int = COUNT

    def average(self, tensors: Sequence[Tensor]) -> None:
        self.table.brought[self.rank] = [tensor.clone() for tensor in tensors]
        self.table.met.wait()
        for index, tensor in enumerate(tensors):
            tensor.copy_(torch.stack([one[index] for one in self.table.brought]).mean(dim=0))
        self.table.met.wait()

    def gather(self, value: bytes) -> list[bytes]:
        return [value]


@pytest.fixture(scope="module")
def learners() -> list[MetaLearner]:
    population = synthetic_population(untrained_encoder(), 33, np.random.default_rng(0))
    table = Table()

    def learn(rank: int) -> MetaLearner:
        worker = Thread(rank, table)
        own = share_of(population, rank, COUNT)
        settings = LearningSettings(term_decisions=6)
        start = to_unit(default_rule())
        learner = MetaLearner(start, population.contexts.shape[1], settings, 5, worker)
        rng = np.random.default_rng([5, rank])
        for _ in range(2):
            learner.learn(own, 1.0, rng)
        return learner

    with ThreadPoolExecutor(COUNT) as threads:
        return list(threads.map(learn, range(COUNT)))


def test_networks_that_learn_together_stay_equal(learners: list[MetaLearner]) -> None:
    first, second = (one.weights() for one in learners)
    for name, weights in first.items():
        torch.testing.assert_close(weights, second[name], rtol=0.0, atol=0.0)
    assert learners[0].multiplier == learners[1].multiplier


def test_each_explores_by_itself(learners: list[MetaLearner]) -> None:
    assert learners[0].generator_state() != learners[1].generator_state()


def test_shares_are_the_whole_population() -> None:
    population = synthetic_population(untrained_encoder(), 7, np.random.default_rng(0))
    shares = [share_of(population, rank, 3) for rank in range(3)]
    rates = np.concatenate([one.mean_rates_per_s for one in shares])
    assert [len(one.contexts) for one in shares] == [3, 2, 2]
    np.testing.assert_array_equal(np.sort(rates), np.sort(population.mean_rates_per_s))


def test_who_is_alone_asks_nobody() -> None:
    tensor = torch.tensor([1.0, 2.0])
    ALONE.average([tensor])
    assert tensor.tolist() == [1.0, 2.0]
    assert ALONE.gather(b"state") == [b"state"]
