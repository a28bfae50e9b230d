"""AWARE's published test task: a service as a table of containers and arrival rates.

Each step one of five actions: nothing, a container more or less, 128 CPU shares more or less. For
n containers at rate a (both in the table's own units; Qiu et al., USENIX ATC 2023, `testing/`):
    utilisation = min(1, a / (1.5 n));  mu = 1.5 min(1, 8 / n);  wait = 1 / (mu - a / n)
    preservation = min(1, 9 / wait) where mu > a / n, UNSTABLE_PRESERVATION where not
    reward = 0.3 utilisation + 0.7 preservation of the state that the action leads to;
    -1 instead when the action is illegal (then nothing changes), reverses the one before in its
    dimension, or leaves no container.
The shares have no effect but their bounds. An episode has 10 steps, starts without containers,
and keeps its rate, one of 1 to 8. What the published table holds in unstable rows isn't told by
its formula; one value for all of them makes the optimum the reported 7.95. With it a random policy
returns -3.72 (reported -3.75) and a 70 % rule 7.78 (reported 7.63).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from components.cluster.compiled import FloatArray

ACTIONS: tuple[str, ...] = ("none", "out", "in", "up", "down")
HORIZONTAL = np.array([0, 1, -1, 0, 0])
VERTICAL = np.array([0, 0, 0, 1, -1])
EPISODE_STEPS = 10
CONTAINERS_MAX = 20
RATES = np.arange(1, 9)
SHARES_STEP = 128
SHARE_LEVELS = 16
START_LEVEL = 7
SERVICE_RATE = 1.5
CORES = 8.0
SLO_WAIT = 9.0
UNSTABLE_PRESERVATION = 0.1746
ILLEGAL_REWARD = -1.0
UTILISATION_WEIGHT = 0.3
OBSERVATION_FIELDS: tuple[str, ...] = (
    "utilisation",
    "slo_preservation",
    "total_shares",
    "other_shares",
    "containers",
    "arrival_rate",
)
# A state's index counts rates, then containers, share levels and the last action.
SHAPE = (len(RATES), CONTAINERS_MAX + 1, SHARE_LEVELS, len(ACTIONS))

IntArray = NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class TableProblem:
    """The task written out: N states, each action's successor and reward.

    following, rewards: [N, 5]; observations: [N, 6]; utilisation: [N]; starts: [8], one a rate.
    """

    following: IntArray
    rewards: FloatArray
    observations: FloatArray
    utilisation: FloatArray
    starts: IntArray


def table_rows(containers: FloatArray, rate: FloatArray) -> tuple[FloatArray, FloatArray]:
    """(utilisation, SLO preservation) by the table's formula, of arrays of one shape.

    Without a container both are zero.
    """
    number = np.maximum(containers, 1.0)
    utilisation = np.minimum(1.0, rate / (SERVICE_RATE * number))
    slack = SERVICE_RATE * np.minimum(1.0, CORES / number) - rate / number
    preservation = np.where(
        slack > 0.0, np.minimum(1.0, SLO_WAIT * np.maximum(slack, 0.0)), UNSTABLE_PRESERVATION
    )
    some = containers > 0.0
    return np.where(some, utilisation, 0.0), np.where(some, preservation, 0.0)


def table_problem() -> TableProblem:
    """Write the task out: 13,440 states of rate, containers, share level and last action."""
    rate, containers, level, last = (
        axis[:, None] for axis in np.unravel_index(np.arange(np.prod(SHAPE)), SHAPE)
    )
    wanted = containers + HORIZONTAL
    wanted_level = level + VERTICAL
    illegal = (wanted < 0) | (wanted > CONTAINERS_MAX)
    illegal |= (wanted_level < 0) | (wanted_level >= SHARE_LEVELS)
    illegal |= (containers == 0) & (VERTICAL != 0)
    reversing = (HORIZONTAL[last] * HORIZONTAL < 0) | (VERTICAL[last] * VERTICAL < 0)
    action = np.broadcast_to(np.arange(len(ACTIONS)), illegal.shape)
    following = np.ravel_multi_index(
        (
            np.broadcast_to(rate, illegal.shape),
            np.where(illegal, containers, wanted),
            np.where(illegal, level, wanted_level),
            np.where(illegal, last, action),
        ),
        SHAPE,
    )
    rates = RATES[rate].astype(np.float64)
    utilisation, preservation = table_rows(np.maximum(wanted, 0).astype(np.float64), rates)
    reward = UTILISATION_WEIGHT * utilisation + (1.0 - UTILISATION_WEIGHT) * preservation
    bad = illegal | reversing | (wanted <= 0)
    now, kept = table_rows(containers[:, 0].astype(np.float64), rates[:, 0])
    shares = SHARES_STEP * (level[:, 0] + 1) * containers[:, 0]
    observations = np.stack(
        [
            now,
            kept,
            shares / 20480.0,
            np.zeros_like(now),
            containers[:, 0] / 20.0,
            rates[:, 0] / 10,
        ],
        axis=1,
    )
    starts = np.ravel_multi_index((np.arange(len(RATES)), 0, START_LEVEL, 0), SHAPE)
    return TableProblem(
        following, np.where(bad, ILLEGAL_REWARD, reward), observations, now, np.asarray(starts)
    )


def optimal_actions(problem: TableProblem) -> tuple[float, IntArray]:
    """(mean optimal return of an episode, best action [T, N]) by dynamic programming.

    V_T = 0;  V_t(s) = max_a r(s, a) + V_{t+1}(s'),  averaged over the starts.
    """
    value = np.zeros(len(problem.rewards))
    best = np.empty((EPISODE_STEPS, len(value)), dtype=np.intp)
    for step in range(EPISODE_STEPS - 1, -1, -1):
        worth = problem.rewards + value[problem.following]
        best[step] = worth.argmax(axis=1)
        value = worth.max(axis=1)
    return float(value[problem.starts].mean()), best


def expected_return(problem: TableProblem, probabilities: FloatArray) -> float:
    """Exact mean return of an episode under action probabilities [N, 5] or, by step, [T, N, 5]."""
    by_step = np.broadcast_to(probabilities, (EPISODE_STEPS, *problem.rewards.shape))
    value = np.zeros(len(problem.rewards))
    for step in range(EPISODE_STEPS - 1, -1, -1):
        value = (by_step[step] * (problem.rewards + value[problem.following])).sum(axis=1)
    return float(value[problem.starts].mean())


def certain(actions: IntArray) -> FloatArray:
    """Probabilities [..., 5] of always taking the given actions [...]."""
    return np.eye(len(ACTIONS))[actions]


def random_policy(problem: TableProblem) -> FloatArray:
    """Each action with the same probability, [N, 5]."""
    return np.full(problem.rewards.shape, 1.0 / len(ACTIONS))


def threshold_policy(problem: TableProblem, target: float = 0.7) -> FloatArray:
    """A container more while there is none or utilisation exceeds the target, [N, 5]."""
    empty = problem.observations[:, OBSERVATION_FIELDS.index("containers")] == 0.0
    return certain(np.where(empty | (problem.utilisation > target), ACTIONS.index("out"), 0))
