"""What rules come to in many worlds, compiled: the inner loop of the search."""

from __future__ import annotations

import numpy as np

from components.cluster.compiled import FloatArray, borrowed, compiled
from components.cluster.reward import (
    EPISODE_COUNT,
    INTERVAL_STEPS,
    OOM_KILLS,
    REWARD,
    STEP_HOURS,
    VIOLATION,
)
from components.cluster.sample import SAMPLE_COUNT
from components.cluster.state import STATE_COUNT, initial_one
from components.policy.hand_over import take_over
from components.policy.rule_rollout import CONTROLLER_STATE_COUNT, rule_episode

SCORE_REWARD = 0
SCORE_VIOLATION = 1
SCORE_KILLS = 2
SCORE_COUNT = 3


@compiled
def score_rules(
    rules: FloatArray,
    parameters: FloatArray,
    limits: FloatArray,
    rates: FloatArray,
    noise: FloatArray,
    allocations: FloatArray,
    pasts: FloatArray,
    weights: FloatArray,
    intervals: int,
    out: FloatArray,
) -> None:
    """What rules [B, C, K] come to in each variant [B, V, ...]: fills out [B, C, V, SCORE_COUNT].

    pasts [B, T0, M] are what the rules watched before. OOM kills are counted per hour.
    """
    rules = borrowed(rules)
    parameters = borrowed(parameters)
    limits = borrowed(limits)
    rates = borrowed(rates)
    noise = borrowed(noise)
    allocations = borrowed(allocations)
    pasts = borrowed(pasts)
    weights = borrowed(weights)
    out = borrowed(out)
    state = np.zeros(STATE_COUNT)
    known = np.zeros(CONTROLLER_STATE_COUNT)
    rule_state = np.zeros(CONTROLLER_STATE_COUNT)
    allocation = np.zeros(3)
    metrics = np.zeros(EPISODE_COUNT)
    samples = np.zeros((INTERVAL_STEPS, SAMPLE_COUNT))
    no_samples = np.zeros((0, SAMPLE_COUNT))
    no_allocations = np.zeros((0, 3))
    variants = parameters.shape[1]
    hours = intervals * INTERVAL_STEPS * STEP_HOURS
    for row in range(rules.shape[0]):
        for candidate in range(rules.shape[1]):
            take_over(known, rules[row, candidate], pasts[row], limits[row])
            for variant in range(variants):
                allocation[:] = allocations[row]
                rule_state[:] = known
                metrics[:] = 0.0
                initial_one(
                    state,
                    parameters[row, variant],
                    allocation[0],
                    allocation[1],
                    allocation[2],
                    rates[row, variant, 0],
                )
                rule_episode(
                    state,
                    rule_state,
                    parameters[row, variant],
                    limits[row],
                    allocation,
                    rules[row, candidate],
                    rates[row, variant],
                    noise[row, variant],
                    weights,
                    intervals,
                    samples,
                    metrics,
                    no_samples,
                    no_allocations,
                )
                out[row, candidate, variant, SCORE_REWARD] = metrics[REWARD]
                out[row, candidate, variant, SCORE_VIOLATION] = metrics[VIOLATION]
                out[row, candidate, variant, SCORE_KILLS] = metrics[OOM_KILLS] / hours
