"""Rules that take turns: what a learner meets while each is in charge for a term, compiled."""

from __future__ import annotations

import numpy as np

from components.cluster.compiled import FloatArray, borrowed, compiled
from components.cluster.observation import OBSERVATION_COUNT, observe_one
from components.cluster.reward import EPISODE_COUNT, INTERVAL_STEPS, OOM_KILLS
from components.cluster.sample import SAMPLE_COUNT
from components.cluster.state import STATE_COUNT, initial_one
from components.policy.rule_rollout import (
    CONTROLLER_STATE_COUNT,
    OBSERVATION_MEMORY,
    interval_one,
)

TERM_REWARD = 0
TERM_VIOLATION = 1
TERM_KILLS = 2
TERM_COUNT = 3


@compiled
def play_terms(
    rules: FloatArray,
    parameters: FloatArray,
    limits: FloatArray,
    allocations: FloatArray,
    rates: FloatArray,
    noise: FloatArray,
    weights: FloatArray,
    term_decisions: int,
    observations: FloatArray,
    outcomes: FloatArray,
) -> None:
    """Rules [B, T, K] one after the other, each for so many decisions, from allocations [B, 3].

    rates [B, 4 (T * term_decisions + 1)] and noise [B, ., N]: the first interval is no decision.
    Fills observations [B, T + 1, O], before each term and after the last, and adds the means over
    each term's decisions to outcomes [B, T, TERM_COUNT].
    """
    rules = borrowed(rules)
    parameters = borrowed(parameters)
    limits = borrowed(limits)
    allocations = borrowed(allocations)
    rates = borrowed(rates)
    noise = borrowed(noise)
    weights = borrowed(weights)
    observations = borrowed(observations)
    outcomes = borrowed(outcomes)
    state = np.zeros(STATE_COUNT)
    memory = np.zeros(CONTROLLER_STATE_COUNT)
    allocation = np.zeros(3)
    totals = np.zeros(EPISODE_COUNT)
    samples = np.zeros((INTERVAL_STEPS, SAMPLE_COUNT))
    seen = np.zeros(OBSERVATION_COUNT)
    decisions = rules.shape[1] * term_decisions
    for row in range(rules.shape[0]):
        allocation[:] = allocations[row]
        memory[:] = 0.0
        initial_one(
            state, parameters[row], allocation[0], allocation[1], allocation[2], rates[row, 0]
        )
        for index in range(decisions + 1):
            # A rule that has seen nothing keeps the allocation.
            term = max(index - 1, 0) // term_decisions
            start = index * INTERVAL_STEPS
            killed = totals[OOM_KILLS]
            reward, violation = interval_one(
                state,
                memory,
                parameters[row],
                limits[row],
                allocation,
                rules[row, term],
                rates[row, start : start + INTERVAL_STEPS],
                noise[row, start : start + INTERVAL_STEPS],
                samples,
                weights,
                totals,
            )
            observe_one(samples, memory[OBSERVATION_MEMORY:], limits[row], 0.0, seen)
            if index % term_decisions == 0:
                observations[row, index // term_decisions] = seen
            if index > 0:
                outcome = outcomes[row, term]
                outcome[TERM_REWARD] += reward / term_decisions
                outcome[TERM_VIOLATION] += violation / term_decisions
                outcome[TERM_KILLS] += (totals[OOM_KILLS] - killed) / term_decisions
