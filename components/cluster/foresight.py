"""What could be had at best: allocations chosen with the whole trace and its chance known.

A local search over the sequence of allocations of each workload: a stretch of minutes is moved in
one dimension, the true trace is replayed from there, and the change stays if the score rose. It
starts from another controller's course and never ends below it. It is no proof of an optimum: the
true one is at least what this finds.
"""

from __future__ import annotations

import math

import numpy as np

from components.cluster import limits as lim
from components.cluster.compiled import FloatArray, borrowed, compiled, contiguous
from components.cluster.limits import ALLOCATION_COUNT, clip_allocation
from components.cluster.reward import (
    EPISODE_COUNT,
    INTERVAL_STEPS,
    REWARD_MEMORY_COUNT,
    RewardWeights,
    finish_totals,
    reward_one,
)
from components.cluster.rollout import Course, Rollout, whole_intervals
from components.cluster.sample import SAMPLE_COUNT
from components.cluster.simulator import advance_one
from components.cluster.state import STATE_COUNT, initial_one

# Uniform draws of one proposal: where, how long, which dimension, how far.
DRAWS = 4
LONGEST_SHARE = 0.5
WIDEST = 0.7


@compiled
def planned_interval(
    state: FloatArray,
    parameters: FloatArray,
    limits: FloatArray,
    before: FloatArray,
    planned: FloatArray,
    rates: FloatArray,
    noise: FloatArray,
    memory: FloatArray,
    weights: FloatArray,
    samples: FloatArray,
    totals: FloatArray,
) -> tuple[float, float]:
    """One interval at a planned allocation [3]: (reward, violated share)."""
    state = borrowed(state)
    parameters = borrowed(parameters)
    limits = borrowed(limits)
    before = borrowed(before)
    planned = borrowed(planned)
    rates = borrowed(rates)
    noise = borrowed(noise)
    memory = borrowed(memory)
    weights = borrowed(weights)
    samples = borrowed(samples)
    totals = borrowed(totals)
    for index in range(INTERVAL_STEPS):
        advance_one(
            state,
            parameters,
            limits,
            planned[lim.REPLICAS],
            planned[lim.CPU_M],
            planned[lim.MEMORY_BYTES],
            rates[index],
            noise[index],
            samples[index],
        )
    reward, violation = reward_one(samples, limits, before, planned, memory, weights, totals)
    return reward, violation


@compiled
def replay(
    states: FloatArray,
    memories: FloatArray,
    parameters: FloatArray,
    limits: FloatArray,
    start: FloatArray,
    plan: FloatArray,
    rates: FloatArray,
    noise: FloatArray,
    weights: FloatArray,
    penalty: float,
    first: int,
    scores: FloatArray,
    totals: FloatArray,
) -> float:
    """Replay plan [I, 3] from interval `first`; returns the sum of its intervals' scores.

    states [I + 1, S] and memories [I + 1, 6] hold what each interval begins with; those behind
    `first` are overwritten, as are scores [I].
    """
    states = borrowed(states)
    memories = borrowed(memories)
    parameters = borrowed(parameters)
    limits = borrowed(limits)
    start = borrowed(start)
    plan = borrowed(plan)
    rates = borrowed(rates)
    noise = borrowed(noise)
    weights = borrowed(weights)
    scores = borrowed(scores)
    totals = borrowed(totals)
    samples = np.zeros((INTERVAL_STEPS, SAMPLE_COUNT))
    total = 0.0
    for index in range(first, plan.shape[0]):
        states[index + 1] = states[index]
        memories[index + 1] = memories[index]
        at = index * INTERVAL_STEPS
        reward, violation = planned_interval(
            states[index + 1],
            parameters,
            limits,
            plan[index - 1] if index > 0 else start,
            plan[index],
            rates[at : at + INTERVAL_STEPS],
            noise[at : at + INTERVAL_STEPS],
            memories[index + 1],
            weights,
            samples,
            totals,
        )
        scores[index] = reward - penalty * violation
        total += scores[index]
    return total


@compiled
def propose(
    plan: FloatArray, limits: FloatArray, draws: FloatArray, share: float, out: FloatArray
) -> int:
    """Fill out [I, 3] with plan [I, 3] moved in one stretch and dimension; returns its first."""
    plan = borrowed(plan)
    limits = borrowed(limits)
    draws = borrowed(draws)
    out = borrowed(out)
    intervals = plan.shape[0]
    out[:] = plan
    longest = max(1.0, LONGEST_SHARE * share * intervals)
    length = 1 + int(longest ** draws[1] - 0.5)
    first = int(draws[0] * intervals)
    dimension = int(draws[2] * 3.0) % 3
    low = limits[lim.REPLICAS_MIN + 2 * dimension]
    high = limits[lim.REPLICAS_MIN + 2 * dimension + 1]
    move = (2.0 * draws[3] - 1.0) * WIDEST * (0.05 + share)
    level = out[min(first + length, intervals) - 1, dimension]
    for index in range(first, min(first + length, intervals)):
        value = out[index, dimension]
        if dimension == 0:
            value = np.round(value + (1.0 if move > 0.0 else -1.0) * max(1.0, abs(move) * value))
        elif draws[3] > 0.9:
            # Ironing a stretch flat saves changes that restart or count as actions.
            value = level
        else:
            value = np.round(value * math.exp(move))
        out[index, dimension] = min(max(value, low), high)
    return first


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
        scores, totals,
    )  # fmt: skip
    for trial in range(draws.shape[0]):
        share = 1.0 - trial / draws.shape[0]
        first = propose(plan, limits, draws[trial], share, tried)
        tried_states[first] = states[first]
        tried_memories[first] = memories[first]
        gained = replay(
            tried_states, tried_memories, parameters, limits, start, tried, rates, noise, weights,
            penalty, first, tried_scores, totals,
        )  # fmt: skip
        if gained > scores[first:].sum():
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


@compiled
def planned_rows(
    parameters: FloatArray,
    limits: FloatArray,
    rates: FloatArray,
    noise: FloatArray,
    starts: FloatArray,
    plans: FloatArray,
    weights: FloatArray,
    metrics: FloatArray,
    kept_samples: FloatArray,
    kept_allocations: FloatArray,
) -> None:
    """Play plans [B, I, 3] once: metrics [B, E] and, where it has rows, the course."""
    parameters = borrowed(parameters)
    limits = borrowed(limits)
    rates = borrowed(rates)
    noise = borrowed(noise)
    starts = borrowed(starts)
    plans = borrowed(plans)
    weights = borrowed(weights)
    metrics = borrowed(metrics)
    kept_samples = borrowed(kept_samples)
    kept_allocations = borrowed(kept_allocations)
    samples = np.zeros((INTERVAL_STEPS, SAMPLE_COUNT))
    state = np.zeros(STATE_COUNT)
    memory = np.zeros(REWARD_MEMORY_COUNT)
    intervals = plans.shape[1]
    for row in range(plans.shape[0]):
        memory[:] = 0.0
        start = starts[row]
        initial_one(state, parameters[row], start[0], start[1], start[2], rates[row, 0])
        for index in range(intervals):
            at = index * INTERVAL_STEPS
            planned_interval(
                state,
                parameters[row],
                limits[row],
                plans[row, index - 1] if index > 0 else start,
                plans[row, index],
                rates[row, at : at + INTERVAL_STEPS],
                noise[row, at : at + INTERVAL_STEPS],
                memory,
                weights,
                samples,
                metrics[row],
            )
            if kept_samples.shape[0] > 0:
                kept_samples[row, at : at + INTERVAL_STEPS] = samples
                kept_allocations[row, at : at + INTERVAL_STEPS] = plans[row, index]
        finish_totals(metrics[row], intervals, intervals * INTERVAL_STEPS)


def foresight(
    parameters: FloatArray,
    limits: FloatArray,
    rates: FloatArray,
    noise: FloatArray,
    start_allocations: FloatArray,
    rng: np.random.Generator,
    iterations: int,
    initial_allocation: FloatArray | None = None,
    violation_penalty: float = 0.0,
    keep: bool = False,
    weights: RewardWeights | None = None,
) -> Rollout:
    """The best course that `iterations` proposals find for each workload on its true trace.

    parameters [B, P], limits [B, L], rates [B, T], noise [B, T, N]; start_allocations [B, T // 4,
    3] is the course to begin from, initial_allocation [B, 3] what is in force before it (the first
    of the course if None). With violation_penalty = 0 it bounds the reward alone, and may violate
    the objective by little where that pays.
    """
    steps = whole_intervals(rates, INTERVAL_STEPS)
    plans = contiguous(start_allocations)[:, : steps // INTERVAL_STEPS].copy()
    flat = clip_allocation(
        plans.reshape(-1, ALLOCATION_COUNT), np.repeat(limits, plans.shape[1], axis=0)
    )
    plans = contiguous(flat.reshape(plans.shape))
    initial = plans[:, 0] if initial_allocation is None else initial_allocation
    starts = contiguous(clip_allocation(contiguous(initial), limits))
    row = (weights or RewardWeights()).row()
    traces = contiguous(rates[:, :steps])
    chance = contiguous(noise[:, :steps])
    services, bounds = contiguous(parameters), contiguous(limits)
    draws = rng.random((len(plans), iterations, DRAWS))
    foresight_rows(services, bounds, traces, chance, starts, plans, draws, row, violation_penalty)
    course = Course.of(len(plans), steps, keep)
    planned_rows(
        services,
        bounds,
        traces,
        chance,
        starts,
        plans,
        row,
        course.metrics,
        course.samples,
        course.allocations,
    )
    return course.rollout()
