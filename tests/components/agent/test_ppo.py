import numpy as np
import pytest
import torch

from components.agent.actor_critic import ActorCritic
from components.agent.initialisation import generator_of
from components.agent.ppo import PpoSettings, Stretch, draw_actions, improve, next_multiplier
from components.policy.prices import PROPOSAL_KILL_PRICE_PER_H

WORKLOADS, DECISIONS, RULE = 64, 12, 3


def _targets(contexts: torch.Tensor) -> np.ndarray:
    """The best rule of each workload, which its context tells: [B, K]."""
    return (0.5 + 0.3 * torch.tanh(contexts[:, :RULE])).numpy()


def _meet(contexts: torch.Tensor, actions: torch.Tensor) -> Stretch:
    """A decision is worth 1 minus three times the mean squared distance from the best rule."""
    distance = actions.numpy() - _targets(contexts)[:, None, :]
    rewards = 1.0 - 3.0 * np.square(distance).mean(axis=-1)
    observations = np.zeros((WORKLOADS, DECISIONS + 1, 2))
    nothing = np.zeros_like(rewards)
    return Stretch(observations, rewards, violations=nothing, kills_per_h=nothing)


def _score(network: ActorCritic, contexts: torch.Tensor) -> np.ndarray:
    with torch.no_grad():
        actions = network.mean(contexts)[:, None, :].expand(-1, DECISIONS, -1)
    return _meet(contexts, actions).rewards.mean(axis=1)


def _train(seed: int, iterations: int) -> ActorCritic:
    generator = generator_of(seed)
    network = ActorCritic(2, 3, torch.full((RULE,), 0.5), generator)
    optimizer = torch.optim.Adam(network.parameters())
    for iteration in range(iterations):
        contexts = torch.randn(WORKLOADS, 5, generator=generator)
        actions = draw_actions(network, contexts, DECISIONS, generator)
        improve(
            network,
            optimizer,
            contexts,
            actions,
            _meet(contexts, actions),
            multiplier=0.0,
            remaining=1.0 - iteration / iterations,
            settings=PpoSettings(discount=0.9),
            generator=generator,
        )
    return network


def test_training_learns_what_suits_workloads_it_has_never_seen() -> None:
    fresh = torch.randn(WORKLOADS, 5, generator=generator_of(99))
    before = _score(ActorCritic(2, 3, torch.full((RULE,), 0.5), generator_of(0)), fresh)
    gains = [_score(_train(seed, 24), fresh) - before for seed in range(3)]
    for gain in gains:
        error = gain.std(ddof=1) / np.sqrt(WORKLOADS)
        assert gain.mean() > 4.0 * error
    # Half of what the best rules would gain.
    assert np.mean(gains) > 0.5 * np.mean(1.0 - before)


def test_the_same_seed_gives_the_same_network() -> None:
    first, second = _train(5, 2).state_dict(), _train(5, 2).state_dict()
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_violations_cost_the_multiplier() -> None:
    """With a price, the policy leaves a rule that pays better but violates."""
    proposals = []
    for multiplier in (0.0, 2.0):
        generator = generator_of(7)
        network = ActorCritic(2, 3, torch.full((RULE,), 0.5), generator)
        optimizer = torch.optim.Adam(network.parameters())
        contexts = torch.zeros(WORKLOADS, 5)
        for _ in range(20):
            actions = draw_actions(network, contexts, DECISIONS, generator)
            lean = actions.numpy().mean(axis=-1)
            stretch = Stretch(
                np.zeros((WORKLOADS, DECISIONS + 1, 2)),
                lean,
                violations=np.clip(lean, 0.0, 1.0),
                kills_per_h=np.zeros_like(lean),
            )
            improve(
                network,
                optimizer,
                contexts,
                actions,
                stretch,
                multiplier,
                remaining=1.0,
                settings=PpoSettings(discount=0.9),
                generator=generator,
            )
        with torch.no_grad():
            proposals.append(network.mean(contexts).mean().item())
    assert proposals[0] > 0.6
    assert proposals[1] < 0.4


def test_an_oom_kill_costs_as_much_reward_as_its_price() -> None:
    """Kills at their price and rewards lower by as much lead to the same network."""
    generator = generator_of(7)
    contexts = torch.zeros(WORKLOADS, 5)
    kills = np.random.default_rng(0).integers(0, 3, size=(WORKLOADS, DECISIONS)).astype(float)
    observations, nothing = np.zeros((WORKLOADS, DECISIONS + 1, 2)), np.zeros_like(kills)
    learned = []
    for stretch in (
        Stretch(observations, nothing, nothing, kills),
        Stretch(observations, -PROPOSAL_KILL_PRICE_PER_H * kills, nothing, nothing),
    ):
        generator = generator_of(7)
        network = ActorCritic(2, 3, torch.full((RULE,), 0.5), generator)
        actions = draw_actions(network, contexts, DECISIONS, generator)
        optimizer = torch.optim.Adam(network.parameters())
        improve(network, optimizer, contexts, actions, stretch, 0.0, 1.0, PpoSettings(), generator)
        learned.append(network.state_dict())
    for name, weights in learned[0].items():
        torch.testing.assert_close(weights, learned[1][name])


@pytest.mark.parametrize(
    ("multiplier", "violation", "expected"),
    [(0.1, 0.07, 0.2), (0.1, 0.02, 0.1), (0.1, 0.0, 0.06), (0.01, 0.0, 0.0), (0.95, 1.0, 1.0)],
)
def test_the_multiplier_rises_over_the_budget_and_falls_under_it(
    multiplier: float, violation: float, expected: float
) -> None:
    price = next_multiplier(multiplier, violation, budget=0.02, step=2.0, highest=1.0)
    assert price == pytest.approx(expected)
