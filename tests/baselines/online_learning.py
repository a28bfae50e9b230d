"""Learning on the workload itself: a direct policy that explores where users are."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from components.cluster.compiled import FloatArray
from components.cluster.noise import draw_noise
from components.cluster.observation import OBSERVATION_COUNT
from components.cluster.reward import INTERVAL_STEPS, OOM_KILLS, REWARD, STEP_HOURS, VIOLATION
from tests.baselines.direct_course import DirectCourse, Observations, Workloads, by_minute
from tests.baselines.stacked_policies import StackedPolicies
from tests.baselines.stacked_ppo import PRICES, PpoConstants, StackedPpo
from tests.baselines.worlds import hand_set
from tests.hidden_workloads.world import HiddenWorld

# Chosen on a world that isn't scored (seed 900): of 60 and 120 minutes, of rates 3e-4, 1e-3, 3e-3.
ONLINE = PpoConstants(decisions=60, learning_rate=1e-3)


@dataclass(frozen=True, slots=True)
class Contact:
    """What W workloads got from minute to minute of contact.

    minutes [C]: when the policy was judged; judged [2, C, W]: reward, and reward less the search's
    prices of violations and kills, on fresh traces without exploration;
    violated_min [C, W]: minutes in which the objective was missed until then, with exploration.
    """

    minutes: FloatArray
    judged: FloatArray
    violated_min: FloatArray


def learn_online(
    policies: StackedPolicies,
    world: HiddenWorld,
    horizon_min: int,
    constants: PpoConstants,
    seed: int,
) -> list[Contact]:
    """PPO on each of the W hidden workloads from each of the given policies, one contact each.

    Every workload of every policy has a copy of it that learns from this workload alone, in one
    stay of `horizon_min` minutes under the day that its telemetry is from, from requests set by
    hand. Judged before the first update and, at first, after each.
    """
    rng = np.random.default_rng([seed, 13])
    workloads, starts = len(world.cases), policies.count
    rows = [start for start in range(starts) for _ in range(workloads)]
    learner = StackedPpo(policies.copied(rows), constants, seed)
    alone = _alone(world)
    everybody = Workloads(
        np.tile(alone.parameters, (starts, 1)), np.tile(alone.limits, (starts, 1)), hidden=True
    )
    day = np.tile(world.days, (starts, 1))
    course = DirectCourse(everybody, hand_set(everybody.limits), day[:, 0])
    last = course.hold(day[:, :INTERVAL_STEPS], draw_noise(rng, INTERVAL_STEPS, len(day)))
    minutes, found = [0], [_judged(learner.policies, world)]
    violated = np.zeros(len(day))
    violations = [violated.copy()]
    for update in range(1, horizon_min // constants.decisions + 1):
        begin = ((update - 1) * constants.decisions + 1) * INTERVAL_STEPS
        steps = (begin + np.arange(constants.decisions * INTERVAL_STEPS)) % day.shape[1]
        noise = by_minute(draw_noise(rng, len(steps), len(day)))
        stay, last = learner.stay(course, last, by_minute(day[:, steps]), noise)
        learner.improve(stay)
        violated += stay.violations.sum(axis=2)[:, 0]
        if _is_judged(update):
            minutes.append(update * constants.decisions)
            found.append(_judged(learner.policies, world))
            violations.append(violated.copy())
    violation = np.array(violations).reshape(len(minutes), starts, workloads)
    judged = np.stack(found, axis=1).reshape(2, len(minutes), starts, workloads)
    times = np.array(minutes, dtype=np.float64)
    return [Contact(times, judged[:, :, one], violation[:, one]) for one in range(starts)]


def judged_by(metrics: FloatArray, world: HiddenWorld) -> FloatArray:
    """Reward, and reward less the search's prices [2, W], of metrics [W R, E]."""
    means = metrics.reshape(len(world.cases), -1, metrics.shape[1]).mean(axis=1)
    hours = world.rates.shape[1] * STEP_HOURS
    priced = (
        means[:, REWARD]
        - PRICES.violation * means[:, VIOLATION]
        - PRICES.kill_per_h * means[:, OOM_KILLS] / hours
    )
    return np.stack([means[:, REWARD], priced])


def score_direct(policies: StackedPolicies, world: HiddenWorld) -> FloatArray:
    """Metrics [W R, E] of one policy, or of W, on the world's situations, without exploration."""
    rows = len(world.limits)

    def act(observations: Observations) -> Observations:
        return policies.act(observations.reshape(policies.count, -1, OBSERVATION_COUNT)).reshape(
            rows, -1
        )

    return play_direct(act, world, world.usual)


def play_direct(
    act: Callable[[Observations], npt.NDArray[Any]], world: HiddenWorld, allocation: FloatArray
) -> FloatArray:
    """Metrics [W R, E] of who acts [W R, 3] on observations [W R, O], from allocation [W R, 3]."""
    parameters, limits, rates, noise = world.course
    by_rates, by_noise = by_minute(rates), by_minute(noise)
    course = DirectCourse(Workloads(parameters, limits, hidden=True), allocation, rates[:, 0])
    observations = course.hold(by_rates[0], by_noise[0])
    for rate, chance in zip(by_rates[1:], by_noise[1:], strict=True):
        observations, _ = course.decide(act(observations), rate, chance)
    return course.metrics()


def _alone(world: HiddenWorld) -> Workloads:
    """The world's workloads [W] once each."""
    copies = len(world.limits) // len(world.cases)
    return Workloads(world.parameters[::copies], world.limits[::copies], hidden=True)


def _judged(policies: StackedPolicies, world: HiddenWorld) -> FloatArray:
    """Reward and priced reward [2, S W] of S policies for each of W workloads."""
    workloads = len(world.cases)
    found = []
    for first in range(0, policies.count, workloads):
        chosen = policies.copied(list(range(first, first + workloads)))
        found.append(judged_by(score_direct(chosen, world), world))
    return np.concatenate(found, axis=1)


def _is_judged(update: int) -> bool:
    """After each of the first day's updates, then after every fourth."""
    return update <= 24 or update % 4 == 0
