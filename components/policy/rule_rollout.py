"""The rule in the simulator: one decision interval for learners, whole episodes for judges."""

from __future__ import annotations

import numpy as np

from components.cluster import limits as lim
from components.cluster.compiled import FloatArray, borrowed, compiled, contiguous
from components.cluster.observation import (
    OBSERVATION_COUNT,
    OBSERVATION_MEMORY_COUNT,
    observe_one,
)
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
from components.cluster.simulator import advance_steps
from components.cluster.state import initial_state
from components.policy.hand_over import take_over
from components.policy.rule import RULE_STATE_COUNT, act_one, digest_one

REWARD_MEMORY = RULE_STATE_COUNT
OBSERVATION_MEMORY = REWARD_MEMORY + REWARD_MEMORY_COUNT
# Of one workload between intervals: the rule's memory, then the reward's, then the observation's.
CONTROLLER_STATE_COUNT = OBSERVATION_MEMORY + OBSERVATION_MEMORY_COUNT


def nothing_seen(batch: int) -> FloatArray:
    """The past of rules that watched nothing, [batch, 0, M]."""
    return np.zeros((batch, 0, SAMPLE_COUNT))


def initial_rule_state(batch: int) -> FloatArray:
    """The rule_state [batch, CONTROLLER_STATE_COUNT] of a controller that has seen nothing."""
    return np.zeros((batch, CONTROLLER_STATE_COUNT))


@compiled
def interval_one(
    state: FloatArray,
    rule_state: FloatArray,
    parameters: FloatArray,
    limits: FloatArray,
    allocation: FloatArray,
    rule: FloatArray,
    rates: FloatArray,
    noise: FloatArray,
    samples: FloatArray,
    weights: FloatArray,
    totals: FloatArray,
) -> tuple[float, float]:
    """Decide, advance four steps, read them: (reward, violated share).

    Overwrites state [S], rule_state, allocation [3], samples [4, M]; adds to totals [E].
    """
    state = borrowed(state)
    rule_state = borrowed(rule_state)
    parameters = borrowed(parameters)
    limits = borrowed(limits)
    allocation = borrowed(allocation)
    rule = borrowed(rule)
    rates = borrowed(rates)
    noise = borrowed(noise)
    samples = borrowed(samples)
    weights = borrowed(weights)
    totals = borrowed(totals)
    before = np.empty(3)
    before[:] = allocation
    act_one(rule_state[:REWARD_MEMORY], rule, limits, before, allocation)
    advance_steps(state, parameters, limits, allocation, rates, noise, samples)
    digest_one(rule_state[:REWARD_MEMORY], rule, samples, limits)
    reward, violation = reward_one(
        samples,
        limits,
        before,
        allocation,
        rule_state[REWARD_MEMORY:OBSERVATION_MEMORY],
        weights,
        totals,
    )
    return reward, violation


@compiled
def interval_rows(
    state: FloatArray,
    rule_state: FloatArray,
    parameters: FloatArray,
    limits: FloatArray,
    allocation: FloatArray,
    rule: FloatArray,
    rates: FloatArray,
    noise: FloatArray,
    weights: FloatArray,
    samples: FloatArray,
    observation: FloatArray,
    outcome: FloatArray,
) -> None:
    """interval_one and the observation for each row; outcome [B, 2] is (reward, violation)."""
    state = borrowed(state)
    rule_state = borrowed(rule_state)
    parameters = borrowed(parameters)
    limits = borrowed(limits)
    allocation = borrowed(allocation)
    rule = borrowed(rule)
    rates = borrowed(rates)
    noise = borrowed(noise)
    weights = borrowed(weights)
    samples = borrowed(samples)
    observation = borrowed(observation)
    outcome = borrowed(outcome)
    totals = np.zeros(EPISODE_COUNT)
    for row in range(state.shape[0]):
        reward, violation = interval_one(
            state[row],
            rule_state[row],
            parameters[row],
            limits[row],
            allocation[row],
            rule[row],
            rates[row],
            noise[row],
            samples[row],
            weights,
            totals,
        )
        outcome[row, 0] = reward
        outcome[row, 1] = violation
        observe_one(
            samples[row], rule_state[row, OBSERVATION_MEMORY:], limits[row], 0.0, observation[row]
        )


@compiled
def rule_episode(
    state: FloatArray,
    rule_state: FloatArray,
    parameters: FloatArray,
    limits: FloatArray,
    allocation: FloatArray,
    rule: FloatArray,
    rates: FloatArray,
    noise: FloatArray,
    weights: FloatArray,
    intervals: int,
    samples: FloatArray,
    metrics: FloatArray,
    kept_samples: FloatArray,
    kept_allocations: FloatArray,
) -> None:
    """One workload's episode; metrics [E] are filled, the course where kept_samples has rows.

    rule_state is what the rule knows before; it, state, allocation and samples [4, M] are
    overwritten.
    """
    state = borrowed(state)
    rule_state = borrowed(rule_state)
    parameters = borrowed(parameters)
    limits = borrowed(limits)
    allocation = borrowed(allocation)
    rule = borrowed(rule)
    rates = borrowed(rates)
    noise = borrowed(noise)
    weights = borrowed(weights)
    samples = borrowed(samples)
    metrics = borrowed(metrics)
    kept_samples = borrowed(kept_samples)
    kept_allocations = borrowed(kept_allocations)
    for index in range(intervals):
        start = index * INTERVAL_STEPS
        interval_one(
            state,
            rule_state,
            parameters,
            limits,
            allocation,
            rule,
            rates[start : start + INTERVAL_STEPS],
            noise[start : start + INTERVAL_STEPS],
            samples,
            weights,
            metrics,
        )
        if kept_samples.shape[0] > 0:
            kept_samples[start : start + INTERVAL_STEPS] = samples
            kept_allocations[start : start + INTERVAL_STEPS] = allocation
    finish_totals(metrics, intervals, intervals * INTERVAL_STEPS)


@compiled
def rule_episode_rows(
    state: FloatArray,
    parameters: FloatArray,
    limits: FloatArray,
    allocation: FloatArray,
    rule: FloatArray,
    rates: FloatArray,
    noise: FloatArray,
    past: FloatArray,
    weights: FloatArray,
    intervals: int,
    metrics: FloatArray,
    kept_samples: FloatArray,
    kept_allocations: FloatArray,
) -> None:
    """rule_episode for each row; kept_* have a row for each or have none [0, T, ...].

    past [B, T0, M] is what each rule watched before.
    """
    state = borrowed(state)
    parameters = borrowed(parameters)
    limits = borrowed(limits)
    allocation = borrowed(allocation)
    rule = borrowed(rule)
    rates = borrowed(rates)
    noise = borrowed(noise)
    past = borrowed(past)
    weights = borrowed(weights)
    metrics = borrowed(metrics)
    kept_samples = borrowed(kept_samples)
    kept_allocations = borrowed(kept_allocations)
    samples = np.zeros((INTERVAL_STEPS, SAMPLE_COUNT))
    rule_state = np.zeros(CONTROLLER_STATE_COUNT)
    no_samples = np.zeros((0, SAMPLE_COUNT))
    no_allocations = np.zeros((0, 3))
    keep = kept_samples.shape[0] > 0
    for row in range(state.shape[0]):
        take_over(rule_state, rule[row], past[row], limits[row])
        rule_episode(
            state[row],
            rule_state,
            parameters[row],
            limits[row],
            allocation[row],
            rule[row],
            rates[row],
            noise[row],
            weights,
            intervals,
            samples,
            metrics[row],
            kept_samples[row] if keep else no_samples,
            kept_allocations[row] if keep else no_allocations,
        )


def interval(
    state: FloatArray,
    rule_state: FloatArray,
    parameters: FloatArray,
    limits: FloatArray,
    allocation: FloatArray,
    rule: FloatArray,
    rates: FloatArray,
    noise: FloatArray,
    weights: RewardWeights | None = None,
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray, FloatArray, FloatArray, FloatArray]:
    """One decision by each workload's rule and the 60 s after it; the inputs stay as they are.

    state [B, S], rule_state from initial_rule_state, parameters [B, P], limits [B, L], allocation
    [B, 3] in force, rule [B, K], rates [B, 4] per second, noise [B, 4, N].
    Returns (state, rule_state, allocation [B, 3], samples [B, 4, M], observation [B, O],
    reward [B], violation [B]: the share of the four steps that violated the SLO). A rule that has
    seen nothing keeps the allocation.
    """
    following = contiguous(state).copy()
    remembered = contiguous(rule_state).copy()
    allocated = contiguous(allocation).copy()
    batch = following.shape[0]
    samples = np.zeros((batch, INTERVAL_STEPS, SAMPLE_COUNT))
    observation = np.zeros((batch, OBSERVATION_COUNT))
    outcome = np.zeros((batch, 2))
    interval_rows(
        following,
        remembered,
        contiguous(parameters),
        contiguous(limits),
        allocated,
        contiguous(rule),
        contiguous(rates),
        contiguous(noise),
        (weights or RewardWeights()).row(),
        samples,
        observation,
        outcome,
    )
    reward, violation = outcome[:, 0].copy(), outcome[:, 1].copy()
    return following, remembered, allocated, samples, observation, reward, violation


def rollout_rule(
    rule: FloatArray,
    parameters: FloatArray,
    limits: FloatArray,
    rates: FloatArray,
    noise: FloatArray,
    initial_allocation: FloatArray,
    keep: bool = False,
    weights: RewardWeights | None = None,
    past: FloatArray | None = None,
) -> Rollout:
    """Episodes of rules [B, K] over rates [B, T] with noise [B, T, N] from allocation [B, 3].

    past: samples [B, T0, M] that each rule watched under the incumbent; without them it knows
    nothing and keeps the allocation for an interval.
    A remainder of less than a decision interval of four steps is left out; ValueError when
    nothing remains.
    """
    steps = whole_intervals(rates, INTERVAL_STEPS)
    state = initial_state(parameters, limits, initial_allocation, rates[:, 0])
    course = Course.of(len(state), steps, keep)
    rule_episode_rows(
        state,
        contiguous(parameters),
        contiguous(limits),
        contiguous(lim.clip_allocation(contiguous(initial_allocation), limits)),
        contiguous(rule),
        contiguous(rates[:, :steps]),
        contiguous(noise[:, :steps]),
        nothing_seen(len(state)) if past is None else contiguous(past),
        (weights or RewardWeights()).row(),
        steps // INTERVAL_STEPS,
        course.metrics,
        course.samples,
        course.allocations,
    )
    return course.rollout()
