"""Plans that are played again from a change on, and given up when they are well behind."""

import numpy as np
import pytest

from components.cluster.applications import sample_applications
from components.cluster.compiled import FloatArray
from components.cluster.noise import draw_noise
from components.cluster.plan_replay import GIVEN_UP_AFTER, planned_rows, replay
from components.cluster.rates import synthetic_rates
from components.cluster.reward import EPISODE_COUNT, REWARD, REWARD_MEMORY_COUNT, RewardWeights
from components.cluster.state import STATE_COUNT, initial_one

INTERVALS = 12
RNG = np.random.default_rng(4)
PARAMETERS, LIMITS, MEANS = sample_applications(RNG, 1)
RATES = synthetic_rates(RNG, 1, 4 * INTERVALS, MEANS)
NOISE = draw_noise(RNG, 4 * INTERVALS, 1)
START = np.round(0.5 * (LIMITS[:, [2, 4, 6]] + LIMITS[:, [3, 5, 7]]))
PLAN = np.repeat(START[:, None], INTERVALS, axis=1)
WEIGHTS = RewardWeights().row()


def played(known: FloatArray, last: int) -> tuple[float, FloatArray]:
    """What the plan gains on known scores [I], and its own scores; NaN where it wasn't played."""
    states = np.zeros((INTERVALS + 1, STATE_COUNT))
    memories = np.zeros((INTERVALS + 1, REWARD_MEMORY_COUNT))
    scores = np.full(INTERVALS, np.nan)
    initial_one(states[0], PARAMETERS[0], *START[0], RATES[0, 0])
    gained = replay(
        states, memories, PARAMETERS[0], LIMITS[0], START[0], PLAN[0], RATES[0], NOISE[0], WEIGHTS,
        0.0, 0, last, known, scores, np.zeros(EPISODE_COUNT),
    )  # fmt: skip
    return gained, scores


def test_the_scores_of_a_replay_are_those_of_the_plan_played_once() -> None:
    gained, scores = played(np.zeros(INTERVALS), INTERVALS)
    metrics = np.zeros((1, EPISODE_COUNT))
    nothing = np.zeros((0, 0, 0))
    planned_rows(PARAMETERS, LIMITS, RATES, NOISE, START, PLAN, WEIGHTS, metrics, nothing, nothing)
    assert gained == pytest.approx(scores.sum())
    assert scores.mean() == pytest.approx(metrics[0, REWARD])


def test_a_plan_well_behind_after_its_change_is_given_up() -> None:
    _, scores = played(np.zeros(INTERVALS), INTERVALS)
    better = scores.copy()
    better[1] += 0.02
    gained, seen = played(better, last=3)
    assert gained == pytest.approx(-0.02)
    stopped = 3 + GIVEN_UP_AFTER + 1
    assert np.isfinite(seen[: stopped + 1]).all()
    assert np.isnan(seen[stopped + 1 :]).all()


def test_a_plan_a_little_behind_is_played_to_its_end() -> None:
    _, scores = played(np.zeros(INTERVALS), INTERVALS)
    slightly = scores.copy()
    slightly[1] += 0.005
    gained, seen = played(slightly, last=3)
    assert gained == pytest.approx(-0.005)
    assert np.isfinite(seen).all()
