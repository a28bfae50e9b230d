"""Planning with a service's true parameters and state, but without foresight.

In each minute a few allocations around the rule's are tried on sampled futures, the rule acting
after them; the best on average is taken. Futures are pieces of the application's tuning traces,
scaled to the present rate.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numba
import numpy as np

from components.cluster import limits as lim
from components.cluster.compiled import FloatArray, borrowed, contiguous
from components.cluster.environment_episode import Episode
from components.cluster.limits import clip_allocation
from components.cluster.noise import NOISE_COUNT
from components.cluster.plan_replay import planned_interval
from components.cluster.reward import (
    EPISODE_COUNT,
    EPISODE_FIELDS,
    INTERVAL_STEPS,
    RewardWeights,
    finish_totals,
)
from components.cluster.sample import SAMPLE_COUNT
from components.cluster.state import initial_state
from components.policy.rule import act_one, digest_one
from components.policy.rule_rollout import (
    OBSERVATION_MEMORY,
    REWARD_MEMORY,
    initial_rule_state,
    interval,
)
from tests.baselines.rules import VIOLATION_PENALTY

FUTURES = 6
HORIZON = 6
# What is tried beside the rule's own choice: replicas added, factors of CPU and memory.
MOVES = np.array(
    [[0, 1, 1], [1, 1, 1], [-1, 1, 1], [0, 1.2, 1], [0, 0.83, 1], [0, 1, 1.08], [0, 1, 0.93]]
)


@numba.njit(error_model="numpy")
def proposals(rule_state, rules, limits, allocation, out):
    """What each row's rule would do now: out [B, 3]."""
    rule_state, rules, limits = borrowed(rule_state), borrowed(rules), borrowed(limits)
    allocation, out = borrowed(allocation), borrowed(out)
    for row in range(out.shape[0]):
        act_one(rule_state[row, :REWARD_MEMORY], rules[row], limits[row], allocation[row], out[row])


@numba.njit(error_model="numpy")
def forced_rows(
    state, rule_state, rules, parameters, limits, allocation, forced, rates, noise, weights, totals,
    samples, outcome,
):  # fmt: skip
    """A minute of each row at a forced allocation, watched by its rule; allocation becomes it."""
    state, rule_state, rules = borrowed(state), borrowed(rule_state), borrowed(rules)
    parameters, limits, allocation = borrowed(parameters), borrowed(limits), borrowed(allocation)
    forced, rates, noise, samples = (
        borrowed(forced), borrowed(rates), borrowed(noise), borrowed(samples),
    )  # fmt: skip
    for row in range(state.shape[0]):
        outcome[row, 0], outcome[row, 1] = planned_interval(
            state[row],
            parameters[row],
            limits[row],
            allocation[row],
            forced[row],
            rates[row],
            noise[row],
            rule_state[row, REWARD_MEMORY:OBSERVATION_MEMORY],
            weights,
            samples,
            totals[row],
        )
        digest_one(rule_state[row, :REWARD_MEMORY], rules[row], samples, limits[row])
        allocation[row] = forced[row]


@dataclass(frozen=True, slots=True)
class Mechanics:
    """How a service begins, a minute at a forced allocation, and one by its rule."""

    begin: Callable[..., FloatArray] = initial_state
    forced: Callable[..., Any] = forced_rows
    ruled: Callable[..., Any] = interval


SIMULATED = Mechanics()


class Planner:
    """Plays a scored episode minute by minute."""

    def __init__(
        self,
        scored: Episode,
        rules: FloatArray,
        tuning_rates: FloatArray,
        rng: np.random.Generator,
        violation_penalty: float = VIOLATION_PENALTY,
        mechanics: Mechanics = SIMULATED,
    ) -> None:
        """`rules` [B, K] act after a candidate; tuning_rates [B, V, T] give the futures."""
        self._scored = scored
        self._rules = contiguous(rules)
        self._traces = tuning_rates
        self._rng = rng
        self._penalty = violation_penalty
        self._mechanics = mechanics
        self._weights = RewardWeights().row()

    def play(self, start: FloatArray) -> dict[str, FloatArray]:
        """The episode's figures [B] from allocation [B, 3]; the first minute is no decision."""
        metrics = self.metrics(start)
        return {name: metrics[:, column] for column, name in enumerate(EPISODE_FIELDS)}

    def metrics(self, start: FloatArray, known: FloatArray | None = None) -> FloatArray:
        """The episode's metrics [B, E] from allocation [B, 3].

        known: what the rules remember [B, .] when it begins; without it the first minute is no
        decision.
        """
        scored, batch = self._scored, len(start)
        intervals = scored.rates.shape[1] // INTERVAL_STEPS
        allocation = contiguous(clip_allocation(start.copy(), scored.limits))
        state = self._mechanics.begin(
            scored.parameters, scored.limits, allocation, scored.rates[:, 0]
        )
        rule_state = initial_rule_state(batch) if known is None else known.copy()
        totals = np.zeros((batch, EPISODE_COUNT))
        outcome = np.zeros((batch, 2))
        for index in range(intervals):
            chosen = allocation.copy()
            if index > 0 or known is not None:
                rate = scored.rates[:, max(index * INTERVAL_STEPS - 1, 0)]
                chosen = self._choose(state, rule_state, allocation, rate)
            at = slice(index * INTERVAL_STEPS, (index + 1) * INTERVAL_STEPS)
            self._force(
                (state, rule_state, allocation), chosen, scored.rates[:, at],
                scored.noise[:, at], totals, outcome, 1,
            )  # fmt: skip
        for row in totals:
            finish_totals(row, intervals, intervals * INTERVAL_STEPS)
        return totals

    def _force(
        self,
        carried: tuple[FloatArray, FloatArray, FloatArray],
        chosen: FloatArray,
        rates: FloatArray,
        noise: FloatArray,
        totals: FloatArray,
        outcome: FloatArray,
        each: int,
    ) -> None:
        """A minute at `chosen`; carried: (state, rule_state, allocation), `each` rows a service."""
        state, rule_state, allocation = carried
        self._mechanics.forced(
            state,
            rule_state,
            np.repeat(self._rules, each, axis=0),
            np.repeat(self._scored.parameters, each, axis=0),
            np.repeat(self._scored.limits, each, axis=0),
            allocation,
            contiguous(chosen),
            contiguous(rates),
            contiguous(noise),
            self._weights,
            totals,
            np.zeros((INTERVAL_STEPS, SAMPLE_COUNT)),
            outcome,
        )

    def _choose(
        self, state: FloatArray, rule_state: FloatArray, allocation: FloatArray, rate: FloatArray
    ) -> FloatArray:
        """The candidate [B, 3] whose futures score best on average."""
        scored, batch = self._scored, len(rate)
        proposed = np.empty((batch, 3))
        proposals(rule_state, self._rules, scored.limits, allocation, proposed)
        candidates = np.repeat(proposed[:, None], len(MOVES), axis=1)
        candidates[..., lim.REPLICAS] += MOVES[:, 0]
        candidates[..., 1:] = np.round(candidates[..., 1:] * MOVES[:, 1:])
        flat = candidates.reshape(-1, 3)
        clipped = clip_allocation(flat, np.repeat(scored.limits, len(MOVES), axis=0))
        candidates = clipped.reshape(candidates.shape)
        score = self._try(state, rule_state, allocation, candidates, self._futures(rate))
        chosen: FloatArray = candidates[np.arange(batch), score.argmax(axis=1)]
        return chosen

    def _try(
        self,
        state: FloatArray,
        rule_state: FloatArray,
        allocation: FloatArray,
        candidates: FloatArray,
        futures: FloatArray,
    ) -> FloatArray:
        """Mean score [B, C] of candidates [B, C, 3] over futures [B, F, T], all the same chance."""
        batch, count, steps = len(state), candidates.shape[1], futures.shape[2]
        each = count * FUTURES
        noise = self._rng.standard_normal((batch, 1, FUTURES, steps, NOISE_COUNT))
        shape = (batch, count, FUTURES, steps)
        chance = np.broadcast_to(noise, (*shape, NOISE_COUNT)).reshape(-1, steps, NOISE_COUNT)
        rates = np.broadcast_to(futures[:, None], shape).reshape(-1, steps)
        carried = tuple(np.repeat(array, each, axis=0) for array in (state, rule_state, allocation))
        outcome = np.zeros((batch * each, 2))
        totals = np.zeros((batch * each, EPISODE_COUNT))
        first = slice(0, INTERVAL_STEPS)
        forced = np.repeat(candidates.reshape(-1, 3), FUTURES, axis=0)
        self._force(carried, forced, rates[:, first], chance[:, first], totals, outcome, each)
        score = outcome[:, 0] - self._penalty * outcome[:, 1]
        states, memories, sizes = carried
        parameters = np.repeat(self._scored.parameters, each, axis=0)
        limits = np.repeat(self._scored.limits, each, axis=0)
        rules = np.repeat(self._rules, each, axis=0)
        for index in range(1, HORIZON):
            at = slice(index * INTERVAL_STEPS, (index + 1) * INTERVAL_STEPS)
            states, memories, sizes, _, _, reward, violation = self._mechanics.ruled(
                states, memories, parameters, limits, sizes, rules, rates[:, at], chance[:, at]
            )
            score = score + reward - self._penalty * violation
        mean: FloatArray = score.reshape(batch, count, FUTURES).mean(axis=2)
        return mean

    def _futures(self, rate: FloatArray) -> FloatArray:
        """Rates [B, F, H * 4] that may follow: pieces of tuning traces that start about here."""
        batch, traces, steps = self._traces.shape
        length, tries = HORIZON * INTERVAL_STEPS, 8 * FUTURES
        trace = self._rng.integers(traces, size=(batch, tries))
        start = self._rng.integers(steps - length, size=(batch, tries))
        rows = np.arange(batch)[:, None]
        level = self._traces[rows, trace, start]
        distance = np.abs(np.log(np.maximum(level, 1e-9) / np.maximum(rate, 1e-9)[:, None]))
        nearest = np.argsort(distance, axis=1)[:, :FUTURES]
        trace, start = trace[rows, nearest], start[rows, nearest]
        at = start[..., None] + 1 + np.arange(length)
        pieces = self._traces[rows[..., None], trace[..., None], at]
        futures: FloatArray = pieces * (rate[:, None] / level[rows, nearest])[..., None]
        return futures
