"""Many policies trained at once, each as if it were alone."""

import numpy as np
import torch
from torch import nn

from components.agent.initialisation import generator_of
from components.cluster.environment import ServiceVectorEnv
from components.cluster.environment_episode import synthetic_episode
from components.cluster.reward import EPISODE_FIELDS
from tests.baselines.direct_course import DirectCourse, Workloads, by_minute
from tests.baselines.direct_training import train_on_one_each
from tests.baselines.stacked_policies import StackedPolicies
from tests.baselines.stacked_ppo import PpoConstants, StackedPpo, Stay

INPUTS = 5


def stay_of(policies: int, workloads: int, decisions: int) -> Stay:
    generator = generator_of(3)
    return Stay(
        torch.randn(policies, workloads, decisions + 1, INPUTS, generator=generator),
        torch.randn(policies, workloads, decisions, 3, generator=generator),
        torch.randn(policies, workloads, decisions, generator=generator),
        np.zeros((policies, workloads, decisions), dtype=np.float32),
    )


def test_a_stacked_policy_is_the_ordinary_network_of_its_weights() -> None:
    stacked = StackedPolicies(3, INPUTS, generator_of(0))
    inputs = torch.randn(3, 4, INPUTS, generator=generator_of(1))
    actor = [weights[1].detach() for weights in stacked.actor]
    hidden = inputs[1]
    for index in range(0, len(actor), 2):
        hidden = nn.functional.linear(hidden, actor[index].T, actor[index + 1][0])
        hidden = torch.tanh(hidden) if index + 2 < len(actor) else hidden
    torch.testing.assert_close(stacked.mean(inputs)[1], hidden)


def test_each_policy_has_a_density_of_its_own_scale() -> None:
    stacked = StackedPolicies(2, INPUTS, generator_of(0))
    with torch.no_grad():
        stacked.log_scale[1] = -2.0
    inputs = torch.randn(2, 4, INPUTS, generator=generator_of(1))
    actions = torch.randn(2, 4, 3, generator=generator_of(2))
    scale = torch.tensor([-1.0, -2.0]).exp()[:, None, None]
    expected = torch.distributions.Normal(stacked.mean(inputs), scale).log_prob(actions).sum(-1)
    torch.testing.assert_close(stacked.log_probability(inputs, actions), expected)


def test_policies_learn_beside_each_other_as_each_would_alone() -> None:
    stay = stay_of(2, 3, 8)
    together = StackedPolicies(2, INPUTS, generator_of(0))
    alone = together.copied([1])
    constants = PpoConstants(8)
    StackedPpo(together, constants, 5).improve(stay)
    only = Stay(stay.inputs[1:], stay.actions[1:], stay.rewards[1:], stay.violations[1:])
    StackedPpo(alone, constants, 5).improve(only)
    before = StackedPolicies(2, INPUTS, generator_of(0)).state_dict()
    for name, found in alone.state_dict().items():
        torch.testing.assert_close(together.state_dict()[name][1:], found, rtol=1e-4, atol=1e-5)
        assert not torch.equal(found, before[name][1:])


def test_a_course_is_the_gymnasium_environment_s() -> None:
    episode = synthetic_episode(np.random.default_rng(0), 4, 40)
    environment = ServiceVectorEnv(4, decisions=9, draw=lambda *_: episode)
    expected, _ = environment.reset(seed=0)
    rates, noise = by_minute(episode.rates), by_minute(episode.noise)
    workloads = Workloads(episode.parameters, episode.limits, hidden=False)
    course = DirectCourse(workloads, episode.allocation, rates[0, :, 0])
    np.testing.assert_array_equal(course.hold(rates[0], noise[0]), expected)
    kills = np.zeros(4)
    for minute in range(1, 10):
        actions = np.full((4, 3), 0.6 * (-1.0) ** minute)
        actions[:, 2] = -1.0
        observed, outcome = course.decide(actions, rates[minute], noise[minute])
        expected, rewards, _, ended, info = environment.step(actions)
        np.testing.assert_array_equal(outcome[:, 0], rewards)
        np.testing.assert_array_equal(outcome[:, 1], info["violation"])
        kills += outcome[:, 2]
        if not ended.any():
            np.testing.assert_array_equal(observed, expected)
    figures = info["final_info"]["metrics"]
    for column, name in enumerate(EPISODE_FIELDS):
        np.testing.assert_allclose(course.metrics()[:, column], figures[name])
    np.testing.assert_array_equal(kills, figures["oom_kills"])
    assert kills.sum() > 0


def test_training_moves_every_policy_of_its_own_application() -> None:
    trained = train_on_one_each(2, 4, 2, seed=1)
    fresh = train_on_one_each(2, 4, 0, seed=1)
    for name, weights in trained.state_dict().items():
        assert torch.isfinite(weights).all(), name
    moved = (trained.actor[0] - fresh.actor[0]).flatten(1).abs().sum(dim=1)
    assert (moved > 0).all()
