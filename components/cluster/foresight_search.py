"""The local search over sequences of allocations behind components.cluster.foresight."""

from __future__ import annotations

import math

import numpy as np

from components.cluster import limits as lim
from components.cluster.compiled import FloatArray, borrowed, compiled
from components.cluster.plan_replay import replay
from components.cluster.reward import EPISODE_COUNT, REWARD_MEMORY_COUNT
from components.cluster.state import STATE_COUNT, initial_one

# Uniform draws of one proposal: where, how long, which dimension, how far.
DRAWS = 4
LONGEST_SHARE = 0.5
WIDEST = 0.7


@compiled
def propose(
    plan: FloatArray, limits: FloatArray, draws: FloatArray, share: float, out: FloatArray
) -> tuple[int, int]:
    """Fill out [I, 3] with plan [I, 3] moved in a stretch of one dimension; (its first, last)."""
    plan = borrowed(plan)
    limits = borrowed(limits)
    draws = borrowed(draws)
    out = borrowed(out)
    intervals = plan.shape[0]
    out[:] = plan
    longest = max(1.0, LONGEST_SHARE * share * intervals)
    first = int(draws[0] * intervals)
    last = min(first + int(longest ** draws[1] - 0.5), intervals - 1)
    dimension = int(draws[2] * 3.0) % 3
    low = limits[lim.REPLICAS_MIN + 2 * dimension]
    high = limits[lim.REPLICAS_MIN + 2 * dimension + 1]
    move = (2.0 * draws[3] - 1.0) * WIDEST * (0.05 + share)
    level = out[last, dimension]
    for index in range(first, last + 1):
        value = out[index, dimension]
        if dimension == 0:
            value = np.round(value + (1.0 if move > 0.0 else -1.0) * max(1.0, abs(move) * value))
        elif draws[3] > 0.9:
            # Ironing a stretch flat saves changes that restart or count as actions.
            value = level
        else:
            value = np.round(value * math.exp(move))
        out[index, dimension] = min(max(value, low), high)
    return first, last


@compiled
def foresight_one(
    parameters: FloatArray,
    limits: FloatArray,
    rates: FloatArray,
    noise: FloatArray,
    start: FloatArray,
    plan: FloatArray,
    draws: FloatArray,
    weights: FloatArray,
    penalty: float,
) -> None:
    """Improve plan [I, 3] of one workload in place by len(draws) proposals."""
    parameters = borrowed(parameters)
    limits = borrowed(limits)
    rates = borrowed(rates)
    noise = borrowed(noise)
    start = borrowed(start)
    plan = borrowed(plan)
    draws = borrowed(draws)
    weights = borrowed(weights)
    intervals = plan.shape[0]
    states = np.zeros((intervals + 1, STATE_COUNT))
    memories = np.zeros((intervals + 1, REWARD_MEMORY_COUNT))
    tried_states = np.zeros((intervals + 1, STATE_COUNT))
    tried_memories = np.zeros((intervals + 1, REWARD_MEMORY_COUNT))
    scores = np.zeros(intervals)
    tried_scores = np.zeros(intervals)
    tried = np.zeros((intervals, 3))
    totals = np.zeros(EPISODE_COUNT)
    initial_one(states[0], parameters, start[0], start[1], start[2], rates[0])
    replay(
        states, memories, parameters, limits, start, plan, rates, noise, weights, penalty, 0,
        intervals, tried_scores, scores, totals,
    )  # fmt: skip
    for trial in range(draws.shape[0]):
        share = 1.0 - trial / draws.shape[0]
        first, last = propose(plan, limits, draws[trial], share, tried)
        tried_states[first] = states[first]
        tried_memories[first] = memories[first]
        gained = replay(
            tried_states, tried_memories, parameters, limits, start, tried, rates, noise, weights,
            penalty, first, last, scores, tried_scores, totals,
        )  # fmt: skip
        if gained > 0.0:
            plan[first:] = tried[first:]
            scores[first:] = tried_scores[first:]
            states[first + 1 :] = tried_states[first + 1 :]
            memories[first + 1 :] = tried_memories[first + 1 :]


@compiled
def foresight_rows(
    parameters: FloatArray,
    limits: FloatArray,
    rates: FloatArray,
    noise: FloatArray,
    starts: FloatArray,
    plans: FloatArray,
    draws: FloatArray,
    weights: FloatArray,
    penalty: float,
) -> None:
    """foresight_one for each row; draws [B, trials, DRAWS]."""
    parameters = borrowed(parameters)
    limits = borrowed(limits)
    rates = borrowed(rates)
    noise = borrowed(noise)
    starts = borrowed(starts)
    plans = borrowed(plans)
    draws = borrowed(draws)
    weights = borrowed(weights)
    for row in range(plans.shape[0]):
        foresight_one(
            parameters[row],
            limits[row],
            rates[row],
            noise[row],
            starts[row],
            plans[row],
            draws[row],
            weights,
            penalty,
        )
