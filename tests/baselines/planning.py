"""Planning with a service's true parameters and state, but without foresight.

Rollout (Bertsekas and Castanon, Journal of Heuristics 5, 1999): in each minute allocations around
the searched rule's are tried on sampled futures, the rule going on after them; so are variants of
the rule that go on themselves (parallel rollout, Chang et al., 2004). Evaluated exactly, the best
of them is at least as good as the rule. Evaluated by samples, a deviation has to be proved: those
that lead on a few futures are compared with the rule on fresh ones, under the same chance, and the
lower bound of the gain decides. A kill that no sampled future shows would be overlooked: the bound
counts one more future, in which the deviation costs one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from components.cluster.compiled import FloatArray, contiguous
from components.cluster.environment_episode import Episode
from components.cluster.limits import clip_allocation
from components.cluster.noise import NOISE_COUNT
from components.cluster.reward import (
    EPISODE_COUNT,
    EPISODE_FIELDS,
    INTERVAL_STEPS,
    RewardWeights,
    finish_totals,
)
from components.cluster.state import initial_state
from components.policy.rule_rollout import initial_rule_state
from tests.baselines.planning_candidates import MOVES, candidate_moves, candidate_rules
from tests.baselines.planning_futures import Futures
from tests.baselines.planning_scores import forced_rows, propose, score_futures
from tests.baselines.rules import VIOLATION_PENALTY

LEADING = 3
# A kill costs its minute, and for an hour the memory that the rule keeps after it.
KILL_COST = 2.0
# Of what wasn't tried; no mean with it in it is above zero.
_UNTRIED = -1e9


@dataclass(frozen=True, slots=True)
class Effort:
    """Minutes looked ahead; futures that choose who leads, and fresh ones that decide.

    certainty: by how many standard errors a gain has to exceed 0.
    """

    minutes: int = 20
    choosing: int = 6
    deciding: int = 96
    certainty: float = 2.0

    def part(self, share: int) -> Effort:
        """The same with one in `share` of the futures that decide."""
        return replace(self, deciding=self.deciding // share)


@dataclass(frozen=True, slots=True)
class Mechanics:
    """How a service begins, minutes at forced allocations, and what candidates come to."""

    begin: Callable[..., FloatArray] = initial_state
    forced: Callable[..., Any] = forced_rows
    scored: Callable[..., Any] = score_futures


SIMULATED = Mechanics()
THOROUGH = Effort()
PLANNED = "planning, no foresight"
# By its number of futures, as a divisor.
PLANNED_SHARES = {"planning, a quarter of the futures": 4, PLANNED: 1}


class Planner:
    """Plays a scored episode minute by minute."""

    def __init__(
        self,
        scored: Episode,
        rules: FloatArray,
        tuning_rates: FloatArray,
        rng: np.random.Generator,
        effort: Effort = THOROUGH,
        violation_penalty: float = VIOLATION_PENALTY,
        mechanics: Mechanics = SIMULATED,
    ) -> None:
        """`rules` [B, K] act after a candidate; tuning_rates [B, V, T] give the futures."""
        self._scored, self._rng, self._effort = scored, rng, effort
        self._penalty, self._mechanics = violation_penalty, mechanics
        self._weights = RewardWeights().row()
        # Short traces leave room for short futures only.
        whole = tuning_rates.shape[2] // INTERVAL_STEPS
        minutes = max(1, min(effort.minutes, whole // 3))
        self._futures = Futures(tuning_rates, scored.rates, minutes * INTERVAL_STEPS)
        self._moves, self._rules = candidate_moves(), candidate_rules(rules)

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
        remembered = initial_rule_state(batch) if known is None else known.copy()
        totals = np.zeros((batch, EPISODE_COUNT))
        for index in range(intervals):
            chosen = allocation.copy()
            if index > 0 or known is not None:
                chosen, remembered = self._choose(state, remembered, allocation, index)
            at = slice(index * INTERVAL_STEPS, (index + 1) * INTERVAL_STEPS)
            self._mechanics.forced(
                state, remembered, contiguous(self._rules[:, 0]), contiguous(scored.parameters),
                contiguous(scored.limits), allocation, contiguous(chosen),
                contiguous(scored.rates[:, at]), contiguous(scored.noise[:, at]), self._weights,
                totals,
            )  # fmt: skip
        for row in totals:
            finish_totals(row, intervals, intervals * INTERVAL_STEPS)
        return totals

    def _choose(
        self, state: FloatArray, known: FloatArray, allocation: FloatArray, index: int
    ) -> tuple[FloatArray, FloatArray]:
        """(allocation [B, 3] of the proved best, what the rule knows after its own choice)."""
        effort, rows = self._effort, np.arange(len(state))
        remembered = np.repeat(known[:, None], len(self._moves), axis=1)
        candidates = np.zeros((*remembered.shape[:2], 3))
        propose(remembered, self._rules, self._moves, self._scored.limits, allocation, candidates)
        begun = (state, remembered, allocation, candidates)
        count = effort.choosing + effort.deciding
        futures = self._futures.after(index * INTERVAL_STEPS, count)
        futures = futures[:, self._rng.permutation(count)]
        tried = np.ones(candidates.shape[:2])
        moved = slice(1, len(MOVES))
        tried[:, moved] = (candidates[:, moved] != candidates[:, :1]).any(axis=2)
        first = self._gains(begun, tried, futures[:, : effort.choosing])
        kept = np.zeros_like(tried)
        leading = np.argsort(-first.mean(axis=2), axis=1)[:, :LEADING]
        kept[rows[:, None], leading] = 1.0
        kept[:, 0] = 1.0
        # Hopeless ones are not worth all the futures.
        few = effort.choosing + effort.deciding // 6
        second = self._gains(begun, kept * tried, futures[:, effort.choosing : few])
        hopeful = second.mean(axis=2) > 0.0
        hopeful[:, 0] = hopeful[:, 1:].any(axis=1)
        third = self._gains(begun, hopeful.astype(np.float64), futures[:, few:])
        bound = self._proved(third)
        bound[:, 0] = 0.0
        chosen: FloatArray = candidates[rows, bound.argmax(axis=1)]
        return chosen, remembered[:, 0].copy()

    def _proved(self, gains: FloatArray) -> FloatArray:
        """Lower bounds [B, C] of mean gains [B, C, F], one more future with a kill counted."""
        count = gains.shape[2]
        error = gains.std(axis=2) / np.sqrt(count)
        mean = (gains.sum(axis=2) - KILL_COST) / (count + 1)
        bound: FloatArray = mean - self._effort.certainty * error
        return bound

    def _gains(
        self,
        begun: tuple[FloatArray, FloatArray, FloatArray, FloatArray],
        tried: FloatArray,
        futures: FloatArray,
    ) -> FloatArray:
        """What candidates gain on the rule in futures [B, F, T]: [B, C, F]."""
        state, remembered, allocation, candidates = begun
        scored, (batch, count) = self._scored, tried.shape
        noise = self._rng.standard_normal((*futures.shape, NOISE_COUNT))
        scores = np.zeros((batch, count, futures.shape[1]))
        self._mechanics.scored(
            state, remembered, self._rules, contiguous(scored.parameters),
            contiguous(scored.limits), allocation,
            candidates, tried, contiguous(futures), noise, self._weights, self._penalty, scores,
        )  # fmt: skip
        gains: FloatArray = np.where(tried[..., None] > 0.0, scores - scores[:, :1], _UNTRIED)
        return gains
