import csv
import json
from pathlib import Path

import numpy as np
import pytest
import torch

from components.agent.aware_table import (
    Iteration,
    TableTraining,
    likeliest_actions,
    play,
    reached,
    train_on_table,
)
from components.agent.aware_table_run import CHECKPOINT_KIND, run
from components.agent.categorical_ppo import (
    CategoricalActorCritic,
    CategoricalPpoSettings,
    Episodes,
    improve,
)
from components.agent.initialisation import generator_of
from components.cluster.aware_table import EPISODE_STEPS, table_problem
from components.errors import UserError
from components.policy.network_file import read_arrays

PROBLEM = table_problem()
SHORT = TableTraining(iterations=30, episodes_per_iteration=16)


def test_it_learns_from_episodes_to_nine_tenths_of_the_optimum_within_a_second_or_two() -> None:
    trained = train_on_table(PROBLEM, SHORT, seed=0)
    assert trained.iterations[0].reward < 0
    assert trained.expected_return > 0.9 * 7.95


def test_the_same_seed_learns_the_same() -> None:
    short = TableTraining(iterations=3)
    first = train_on_table(PROBLEM, short, seed=1)
    second = train_on_table(PROBLEM, short, seed=1)
    assert [each.reward for each in first.iterations] == [each.reward for each in second.iterations]
    assert train_on_table(PROBLEM, short, seed=2).iterations[0].reward != first.iterations[0].reward


def test_what_is_played_are_episodes_of_the_table() -> None:
    network = CategoricalActorCritic(7, 5, 8, generator_of(0))
    episodes = play(PROBLEM, network, 6, np.random.default_rng(0))
    assert episodes.actions.shape == episodes.rewards.shape == (6, EPISODE_STEPS)
    # The first step of an episode adds the container that there must be, or costs one.
    legal = episodes.actions[:, 0] == 1
    assert bool((episodes.rewards[~legal, 0] == -1).all())
    assert bool((episodes.rewards[legal, 0] > 0).all())


def test_an_action_that_paid_becomes_likelier() -> None:
    network = CategoricalActorCritic(2, 3, 8, generator_of(0))
    observations = torch.ones(64, 1, 2)
    actions = torch.arange(64)[:, None] % 3
    rewards = (actions == 2).float()
    before = network.log_probabilities(observations[0, 0]).exp()
    optimizer = torch.optim.Adam(network.parameters(), lr=5e-3)
    episodes = Episodes(observations, actions, rewards)
    entropy = improve(network, optimizer, episodes, 1.0, CategoricalPpoSettings(), generator_of(1))
    after = network.log_probabilities(observations[0, 0]).exp()
    # Untrained, all three are equally likely: log 3.
    assert entropy == pytest.approx(np.log(3), abs=1e-3)
    assert after[2] > before[2] + 0.02


def test_likeliest_actions_are_those_of_the_logits() -> None:
    network = CategoricalActorCritic(7, 5, 8, generator_of(0))
    with torch.no_grad():
        network.actor[-1].bias[:] = torch.tensor([0.0, 0.0, 9.0, 0.0, 0.0])
    assert (likeliest_actions(PROBLEM, network) == 2).all()


def iteration(episodes: int, moving_average: float) -> Iteration:
    return Iteration(episodes // 50, episodes, 0.0, moving_average, 0.0, 0.0, 0.0)


def test_a_level_is_reached_only_with_a_full_window() -> None:
    course = (iteration(50, 9.0), iteration(100, 7.0), iteration(150, 7.6), iteration(200, 7.9))
    found = reached(course, 7.55)
    assert found is not None
    assert found.episodes == 150
    assert reached(course, 8.0) is None


def test_a_run_leaves_log_checkpoints_picture_and_results(tmp_path: Path) -> None:
    output = tmp_path / "table"
    result = run(output, seed=3, training=SHORT)
    with (output / "log.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [int(row["number"]) for row in rows] == list(range(1, 31))
    assert {"reward", "moving_average", "cpu_seconds", "memory_mib"} <= set(rows[0])
    assert float(rows[-1]["memory_mib"]) > 10
    names = sorted(path.name for path in (output / "checkpoints").iterdir())
    assert names == ["iteration-00025.safetensors", "iteration-00030.safetensors"]
    arrays = read_arrays(output / "checkpoints" / names[-1], CHECKPOINT_KIND)
    assert arrays["actor.0.weight"].shape == (64, 7)
    assert (output / "learning.png").read_bytes().startswith(b"\x89PNG")
    written = json.loads((output / "results.json").read_text(encoding="utf-8"))
    assert written["policy_return"] == result.policy_return
    assert written["seed"] == 3


def test_a_folder_that_cannot_be_written_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="file"):
        run(tmp_path / "file" / "inside", training=TableTraining(iterations=1))
