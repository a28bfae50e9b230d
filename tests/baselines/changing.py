"""Hidden workloads that change while a rule runs them, hour by hour."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from components.cluster import parameters as par
from components.cluster.compiled import FloatArray, contiguous
from components.cluster.limits import clip_allocation
from components.cluster.noise import draw_noise
from components.cluster.reward import INTERVAL_STEPS
from components.policy.rule_rollout import initial_rule_state
from tests.baselines.direct_course import by_minute
from tests.hidden_workloads.rebuilt import hidden_initial_state, hidden_interval
from tests.hidden_workloads.world import frame_of

HOUR_MIN = 60
BURSTS, MORE_USERS = "users in bursts", "many more users"
# What a new version or other users make of a service: factors, drawn by logarithm.
CHANGES = {
    "a slower build": {par.SERVICE_DEMAND_MS: (1.4, 2.0)},
    "a slower neighbour": {par.WAIT_MS: (1.5, 3.0)},
    "a larger model": {par.MEMORY_BASE_BYTES: (1.3, 1.8), par.STARTUP_S: (2.0, 4.0)},
    "a faster build": {par.SERVICE_DEMAND_MS: (0.5, 0.7)},
    "other requests": {
        par.DEMAND_VARIABILITY: (3.0, 6.0),
        par.MEMORY_PER_REQUEST_BYTES: (1.3, 2.0),
        par.SERVICE_DEMAND_MS: (1.1, 1.5),
    },
    BURSTS: {},
    MORE_USERS: {},
}
# Bursts of the rate, for the change of that name: how much more, how often an hour, how long.
BURST_FACTORS, BURSTS_PER_H, BURST_STEPS = (1.6, 2.5), 4.0, (4, 20)
RATE_FACTORS, MORE_FACTORS = (0.6, 1.3), (1.8, 3.0)


@dataclass(frozen=True, slots=True)
class Hour:
    """Mean reward [W], violated share [W] and telemetry [W] of an hour."""

    reward: FloatArray
    violation: FloatArray
    frames: list[pd.DataFrame]


class Running:
    """W services run by a rule each, whose state goes on whatever changes around it."""

    def __init__(
        self, parameters: FloatArray, limits: FloatArray, allocation: FloatArray, rates: FloatArray
    ) -> None:
        """Begin in balance at allocation [W, 3] and rates [W]."""
        self._limits = contiguous(limits)
        self._allocation = clip_allocation(contiguous(allocation), self._limits)
        self._state = hidden_initial_state(
            contiguous(parameters), self._limits, self._allocation, contiguous(rates)
        )
        self._memory = initial_rule_state(len(limits))

    def play(
        self, parameters: FloatArray, rules: FloatArray, rates: FloatArray, noise: FloatArray
    ) -> Hour:
        """Go on for the minutes of rates [W, 4 M] and noise [W, 4 M, N] with rules [W, K]."""
        rewards, violations, samples = [], [], []
        for rate, chance in zip(by_minute(rates), by_minute(noise), strict=True):
            found = hidden_interval(
                self._state, self._memory, parameters, self._limits, self._allocation, rules,
                rate, chance,
            )  # fmt: skip
            self._state, self._memory, self._allocation, sample, _, reward, violation = found
            rewards.append(reward)
            violations.append(violation)
            samples.append(sample)
        courses = np.concatenate(samples, axis=1)
        return Hour(
            np.mean(rewards, axis=0),
            np.mean(violations, axis=0),
            [frame_of(course) for course in courses],
        )


@dataclass(frozen=True, slots=True)
class Behaviour:
    """How services behave for some hours: parameters [W, P] and rates [W, 4 M]; why, in words."""

    parameters: FloatArray
    rates: FloatArray
    names: list[str]


def changed(
    parameters: FloatArray, days: FloatArray, hours: int, first_hour: int, rng: np.random.Generator
) -> Behaviour:
    """One change of each service, and the day's rates from `first_hour` on at another level."""
    after, names = parameters.copy(), []
    for row in after:
        name = str(rng.choice(list(CHANGES)))
        names.append(name)
        for column, ends in CHANGES[name].items():
            row[column] *= np.exp(rng.uniform(*np.log(ends)))
    after[:, : par.PARAMETER_COUNT] = par.clip_parameters(after[:, : par.PARAMETER_COUNT])
    ends = np.log([MORE_FACTORS if name == MORE_USERS else RATE_FACTORS for name in names])
    level = np.exp(rng.uniform(ends[:, 0], ends[:, 1]))[:, None]
    rates = level * rates_of(days, hours, first_hour)
    for row, name in zip(rates, names, strict=True):
        if name == BURSTS:
            _burst(row, rng)
    return Behaviour(after, rates, names)


def unchanged(parameters: FloatArray, days: FloatArray, hours: int, first_hour: int) -> Behaviour:
    """The services as they are, along the day from `first_hour` on."""
    rates = rates_of(days, hours, first_hour)
    return Behaviour(parameters, rates, ["nothing"] * len(days))


def _burst(rates: FloatArray, rng: np.random.Generator) -> None:
    """Lay bursts over rates [T] in place; together they ask for as much as before."""
    before = rates.mean()
    hours = len(rates) / (HOUR_MIN * INTERVAL_STEPS)
    for _ in range(rng.poisson(BURSTS_PER_H * hours)):
        start, length = rng.integers(len(rates)), rng.integers(*BURST_STEPS)
        rates[start : start + length] *= rng.uniform(*BURST_FACTORS)
    rates *= before / rates.mean()


def rates_of(days: FloatArray, hours: int, first_hour: int) -> FloatArray:
    """Rates [W, 240 hours] of days [W, D], which begin anew where they end."""
    steps = HOUR_MIN * INTERVAL_STEPS
    rates: FloatArray = days[:, (first_hour * steps + np.arange(hours * steps)) % days.shape[1]]
    return rates


def hour_noise(rng: np.random.Generator, workloads: int, hours: int) -> FloatArray:
    """Chance [W, 240 hours, N]."""
    return draw_noise(rng, hours * HOUR_MIN * INTERVAL_STEPS, workloads)
