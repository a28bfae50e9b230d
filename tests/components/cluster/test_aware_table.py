import numpy as np
import pytest

from components.cluster.aware_table import (
    ACTIONS,
    EPISODE_STEPS,
    SHAPE,
    START_LEVEL,
    UNSTABLE_PRESERVATION,
    TableProblem,
    certain,
    expected_return,
    optimal_actions,
    random_policy,
    table_problem,
    table_rows,
    threshold_policy,
)

NONE, OUT, IN, UP, DOWN = range(5)


@pytest.fixture(scope="module")
def problem() -> TableProblem:
    return table_problem()


def state(rate: int, containers: int, level: int = START_LEVEL, last: int = NONE) -> int:
    return int(np.ravel_multi_index((rate - 1, containers, level, last), SHAPE))


def act(problem: TableProblem, index: int, action: int) -> tuple[int, float]:
    return int(problem.following[index, action]), float(problem.rewards[index, action])


@pytest.mark.parametrize(
    ("containers", "rate", "utilisation", "preservation"),
    [
        # wait 1 / (1.5 - 1) = 2; 9 / 2 > 1.
        (1, 1, 1 / 1.5, 1.0),
        # wait 1 / (1.5 - 1.4) = 10; 9 / 10.
        (5, 7, 7 / 7.5, 0.9),
        # mu = 1.5 * 8 / 16 = .75; wait 1 / (.75 - .5) = 4.
        (16, 8, 8 / 24, 1.0),
        (1, 2, 1.0, UNSTABLE_PRESERVATION),
        (0, 3, 0.0, 0.0),
    ],
)
def test_the_table_follows_its_formula(
    containers: int, rate: int, utilisation: float, preservation: float
) -> None:
    found = table_rows(np.array([float(containers)]), np.array([float(rate)]))
    np.testing.assert_allclose(np.ravel(found), [utilisation, preservation])


def test_159_of_the_189_rows_are_stable() -> None:
    containers, rates = np.meshgrid(np.arange(21.0), np.arange(9.0), indexing="ij")
    _, preservation = table_rows(containers, rates)
    assert preservation.size == 189
    stable = (containers > 0) & (preservation != UNSTABLE_PRESERVATION)
    assert stable.sum() == 159


def test_a_container_more_is_rewarded_for_the_state_it_leads_to(problem: TableProblem) -> None:
    # Two containers at rate 2: .3 * 2 / 3 + .7 * 1.
    assert act(problem, state(2, 1), OUT) == (state(2, 2, last=OUT), pytest.approx(0.9))


@pytest.mark.parametrize(
    ("index", "action"),
    [
        (state(3, 0), IN),
        (state(3, 0), UP),
        (state(3, 0), DOWN),
        (state(3, 20), OUT),
        (state(3, 4, level=15), UP),
        (state(3, 4, level=0), DOWN),
    ],
)
def test_an_illegal_action_costs_one_and_changes_nothing(
    problem: TableProblem, index: int, action: int
) -> None:
    assert act(problem, index, action) == (index, -1.0)


@pytest.mark.parametrize(("last", "action"), [(OUT, IN), (IN, OUT), (UP, DOWN), (DOWN, UP)])
def test_a_reversing_action_costs_one_but_is_done(
    problem: TableProblem, last: int, action: int
) -> None:
    following, reward = act(problem, state(3, 4, last=last), action)
    assert reward == -1.0
    assert following not in (state(3, 4, last=last), state(3, 4, last=action))


def test_doing_something_else_between_makes_a_reversal_legal(problem: TableProblem) -> None:
    between, _ = act(problem, state(3, 4, last=OUT), NONE)
    assert act(problem, between, IN)[1] > 0


def test_shares_change_nothing_but_themselves(problem: TableProblem) -> None:
    before = state(3, 4)
    following, reward = act(problem, before, UP)
    assert following == state(3, 4, level=START_LEVEL + 1, last=UP)
    assert reward == act(problem, before, NONE)[1]


def test_no_container_costs_one(problem: TableProblem) -> None:
    assert act(problem, state(3, 0), NONE)[1] == -1.0
    assert act(problem, state(3, 1), IN)[1] == -1.0


def test_the_optimum_is_the_published_one(problem: TableProblem) -> None:
    optimum, actions = optimal_actions(problem)
    assert optimum == pytest.approx(7.95, abs=0.005)
    assert expected_return(problem, certain(actions)) == pytest.approx(optimum)


def test_the_optimum_of_rate_one_is_found_by_hand(problem: TableProblem) -> None:
    # One container from the first step on: 10 * (.3 * 2 / 3 + .7).
    _, actions = optimal_actions(problem)
    index, total = state(1, 0), 0.0
    for step in range(EPISODE_STEPS):
        index, reward = act(problem, index, int(actions[step, index]))
        total += reward
    assert total == pytest.approx(9.0)


def test_random_comes_near_the_published_return_and_the_rule_near_its_own(
    problem: TableProblem,
) -> None:
    # Published -3.75 and 7.63: means of sampled episodes over a table that isn't told in full.
    assert expected_return(problem, random_policy(problem)) == pytest.approx(-3.75, abs=0.05)
    assert expected_return(problem, threshold_policy(problem)) == pytest.approx(7.63, abs=0.2)


def test_an_expected_return_is_the_mean_of_played_episodes(problem: TableProblem) -> None:
    rng = np.random.default_rng(0)
    policy = random_policy(problem)
    index = problem.starts[rng.integers(len(problem.starts), size=40000)]
    totals = np.zeros(len(index))
    for _ in range(EPISODE_STEPS):
        action = rng.integers(len(ACTIONS), size=len(index))
        totals += problem.rewards[index, action]
        index = problem.following[index, action]
    error = totals.std() / np.sqrt(len(totals))
    assert totals.mean() == pytest.approx(expected_return(problem, policy), abs=4 * error)


def test_the_environment_passes_gymnasiums_checker() -> None:
    from gymnasium.utils.env_checker import check_env

    from components.cluster.environment_aware_table import AwareTableEnv

    check_env(AwareTableEnv(), skip_render_check=True)


def test_an_episode_of_the_environment_ends_after_ten_steps() -> None:
    import gymnasium

    environment = gymnasium.make("components.cluster.environment_aware_table:aware/Table-v0")
    environment.reset(seed=0)
    ends = [environment.step(NONE)[2] for _ in range(EPISODE_STEPS)]
    assert ends == [False] * 9 + [True]
