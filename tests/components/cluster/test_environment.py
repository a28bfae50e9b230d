import textwrap

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env
from gymnasium.vector import AutoresetMode

from components.cluster import environment as environment_module
from components.cluster.compiled import FloatArray
from components.cluster.environment import DISCRETE_ACTIONS, ServiceEnv, ServiceVectorEnv
from components.cluster.environment_episode import Episode, synthetic_episode
from components.cluster.environment_interval import requested_one
from components.cluster.reward import EPISODE_FIELDS
from components.policy.rule import default_rule
from components.policy.rule_rollout import rollout_rule

HOLD = np.zeros(3)


def requested(current: list[float], action: list[float]) -> FloatArray:
    out = np.empty(3)
    requested_one(np.array(current), np.array(action), out)
    return out


@pytest.mark.parametrize("discrete", [False, True])
def test_one_service_passes_gymnasiums_checker(discrete: bool) -> None:
    check_env(ServiceEnv(decisions=5, discrete=discrete), skip_render_check=True)


@pytest.mark.parametrize("discrete", [False, True])
def test_one_service_passes_stable_baselines_checker(discrete: bool) -> None:
    from stable_baselines3.common.env_checker import check_env as check_for_stable_baselines

    check_for_stable_baselines(ServiceEnv(decisions=5, discrete=discrete), skip_render_check=True)


def test_gymnasium_makes_both_by_name() -> None:
    name = "components.cluster.environment:aware/Service-v0"
    one = gymnasium.make(name, decisions=3)
    assert isinstance(one.unwrapped, ServiceEnv)
    many = gymnasium.make_vec(name, num_envs=4, decisions=3)
    assert isinstance(many.unwrapped, ServiceVectorEnv)
    observations, _ = many.reset(seed=0)
    assert observations in many.observation_space
    many.step(many.action_space.sample())


def test_an_action_within_the_dead_zone_changes_nothing() -> None:
    np.testing.assert_array_equal(requested([3, 500, 1e8], [0.2, -0.2, 0.1]), [3, 500, 1e8])


def test_the_widest_action_moves_half_of_the_replicas_and_sizes_by_a_half_logarithm() -> None:
    # 10 + 0.5 * 10; 1000 * exp(0.5) = 1648.72; 1e6 * exp(-0.5) = 606530.66.
    np.testing.assert_array_equal(requested([10, 1000, 1e6], [1, 1, -1]), [15, 1649, 606531])


def test_an_action_on_a_single_replica_moves_one() -> None:
    assert requested([1, 100, 1e6], [0.3, 0, 0])[0] == 2
    assert requested([2, 100, 1e6], [-0.3, 0, 0])[0] == 1


def test_every_combination_of_directions_is_a_discrete_action() -> None:
    assert {tuple(row) for row in DISCRETE_ACTIONS} == {
        (r, c, m) for r in (-1.0, 0.0, 1.0) for c in (-1.0, 0.0, 1.0) for m in (-1.0, 0.0, 1.0)
    }


def test_a_row_of_a_batch_goes_as_that_service_alone() -> None:
    drawn = synthetic_episode(np.random.default_rng(3), 5, 44)
    actions = np.random.default_rng(4).uniform(-1, 1, size=(10, 5, 3))
    many = ServiceVectorEnv(5, decisions=10, draw=lambda *_: drawn)
    many.reset(seed=0)
    together = [many.step(actions[index])[1] for index in range(10)]
    for row in range(5):
        alone = ServiceEnv(decisions=10, draw=lambda *_, row=row: only(drawn, row))
        alone.reset(seed=0)
        rewards = [alone.step(actions[index, row])[1] for index in range(10)]
        np.testing.assert_array_equal(rewards, [step[row] for step in together])


def only(episode: Episode, row: int) -> Episode:
    at = slice(row, row + 1)
    return Episode(
        episode.parameters[at],
        episode.limits[at],
        episode.rates[at],
        episode.noise[at],
        episode.allocation[at],
    )


def test_the_same_seed_gives_the_same_course_and_another_seed_another() -> None:
    def course(seed: int) -> FloatArray:
        environment = ServiceVectorEnv(3, decisions=4)
        environment.reset(seed=seed)
        return np.array([environment.step(np.full((3, 3), 0.5))[1] for _ in range(6)])

    np.testing.assert_array_equal(course(1), course(1))
    assert not np.array_equal(course(1), course(2))


def test_an_episode_is_truncated_after_its_decisions_and_begins_anew_in_the_same_step() -> None:
    environment = ServiceVectorEnv(2, decisions=3)
    assert environment.metadata["autoreset_mode"] is AutoresetMode.SAME_STEP
    environment.reset(seed=0)
    for _ in range(2):
        _, _, terminated, truncated, _ = environment.step(np.zeros((2, 3)))
        assert not terminated.any()
        assert not truncated.any()
    fresh, _, terminated, truncated, info = environment.step(np.zeros((2, 3)))
    assert not terminated.any()
    assert truncated.all()
    assert not np.array_equal(fresh, info["final_obs"])
    assert set(info["final_info"]["metrics"]) == set(EPISODE_FIELDS)


def test_holding_still_scores_as_a_rule_that_never_acts() -> None:
    drawn = synthetic_episode(np.random.default_rng(5), 4, 24)
    environment = ServiceVectorEnv(4, decisions=5, draw=lambda *_: drawn)
    environment.reset(seed=0)
    for _ in range(5):
        *_, info = environment.step(np.zeros((4, 3)))
    fixed = drawn.limits.copy()
    fixed[:, [2, 4, 6]] = fixed[:, [3, 5, 7]] = drawn.allocation
    rolled = rollout_rule(
        np.repeat(default_rule()[None], 4, axis=0),
        drawn.parameters,
        fixed,
        drawn.rates,
        drawn.noise,
        drawn.allocation,
    )
    for name in EPISODE_FIELDS:
        np.testing.assert_allclose(info["final_info"]["metrics"][name], rolled.metric(name))


def test_asking_beyond_the_bounds_costs_more_than_staying_at_them() -> None:
    drawn = synthetic_episode(np.random.default_rng(6), 6, 8)
    top = drawn.limits[:, [3, 5, 7]]
    at_the_top = Episode(drawn.parameters, drawn.limits, drawn.rates, drawn.noise, top)

    def reward_of(action: list[float]) -> FloatArray:
        environment = ServiceVectorEnv(6, decisions=1, draw=lambda *_: at_the_top)
        environment.reset(seed=0)
        return environment.step(np.tile(np.array(action), (6, 1)))[1]

    # All three of the dimensions are illegal: the whole weight of 0.1 is lost.
    np.testing.assert_allclose(reward_of([0, 0, 0]) - reward_of([1, 1, 1]), 0.1)


def test_step_before_reset_is_refused() -> None:
    with pytest.raises(gymnasium.error.ResetNeeded):
        ServiceVectorEnv(2).step(np.zeros((2, 3)))
    with pytest.raises(gymnasium.error.ResetNeeded):
        ServiceEnv().step(HOLD)


def test_the_documented_example_runs_as_it_stands(capsys: pytest.CaptureFixture[str]) -> None:
    assert environment_module.__doc__ is not None
    lines = environment_module.__doc__.split("as it is:\n\n")[1].splitlines()
    assert len([line for line in lines if line.strip()]) == 10
    # But for its patience: one update is enough to see it run.
    short = textwrap.dedent("\n".join(lines)).replace("20_000", "2_048")
    exec(compile(short, "example", "exec"), {})
    reward, violation = map(float, capsys.readouterr().out.split())
    assert -1.0 < reward < 1.0
    assert 0.0 <= violation <= 1.0


def test_stable_baselines_trains_on_it_unchanged() -> None:
    from stable_baselines3 import DQN, PPO

    learner = PPO("MlpPolicy", ServiceEnv(decisions=16), n_steps=32, batch_size=32, seed=0)
    before = learner.policy.state_dict()["action_net.weight"].clone()
    learner.learn(64)
    assert not bool((before == learner.policy.state_dict()["action_net.weight"]).all())
    DQN("MlpPolicy", ServiceEnv(decisions=16, discrete=True), learning_starts=16, seed=0).learn(48)
