"""One decision in the Gymnasium environments: bounded steps, then 60 s, reward, observation."""

from __future__ import annotations

import math

import numpy as np

from components.cluster import limits as lim
from components.cluster.compiled import FloatArray, compiled
from components.cluster.observation import OBSERVATION_MEMORY_COUNT, observe_one
from components.cluster.reward import INTERVAL_STEPS, REWARD_MEMORY_COUNT, reward_one
from components.cluster.sample import SAMPLE_COUNT
from components.cluster.simulator import advance_steps

# An action smaller than this changes nothing: a continuous policy can hold still.
DEAD_ZONE = 0.2
# The widest step of a size, as a logarithm; of replicas, as a share of those there are.
WIDEST_SIZE_STEP = 0.5
WIDEST_REPLICA_SHARE = 0.5

# Of one workload between decisions: the reward's memory, then the observation's.
OBSERVATION_MEMORY = REWARD_MEMORY_COUNT
MEMORY_COUNT = OBSERVATION_MEMORY + OBSERVATION_MEMORY_COUNT


@compiled
def beyond_dead_zone(action: float) -> float:
    """An action of [-1, 1] less its dead zone, scaled to [-1, 1] again."""
    size = min(abs(action), 1.0) - DEAD_ZONE
    if size <= 0.0:
        return 0.0
    return math.copysign(size / (1.0 - DEAD_ZONE), action)


@compiled
def requested_one(current: FloatArray, action: FloatArray, out: FloatArray) -> None:
    """Fill out [3] with what an action [3] in [-1, 1] asks for, from the allocation current [3].

    Replicas move by up to half of them, and by at least one; CPU and memory by up to
    exp(0.5) = 1.65 times. The result isn't moved inside any bounds.
    """
    replicas = beyond_dead_zone(action[lim.REPLICAS])
    out[lim.REPLICAS] = current[lim.REPLICAS]
    if replicas != 0.0:
        change = np.round(abs(replicas) * WIDEST_REPLICA_SHARE * current[lim.REPLICAS])
        out[lim.REPLICAS] += math.copysign(max(change, 1.0), replicas)
    for size in (lim.CPU_M, lim.MEMORY_BYTES):
        step = beyond_dead_zone(action[size])
        out[size] = current[size]
        if step != 0.0:
            out[size] = np.round(current[size] * math.exp(WIDEST_SIZE_STEP * step))


@compiled
def decide_and_advance(
    state: FloatArray,
    parameters: FloatArray,
    limits: FloatArray,
    allocation: FloatArray,
    action: FloatArray,
    rates: FloatArray,
    noise: FloatArray,
    weights: FloatArray,
    memory: FloatArray,
    samples: FloatArray,
    totals: FloatArray,
    observation: FloatArray,
) -> tuple[float, float]:
    """One workload's decision and the four steps after it: (reward, violated share).

    Overwrites state [S], allocation [3], memory, samples [4, M], observation [O]; adds to totals
    [E]. What an action asks for beyond the bounds counts as illegal and is moved to the bound.
    """
    before = np.empty(3)
    requested = np.empty(3)
    before[:] = allocation
    requested_one(before, action, requested)
    for dimension in range(3):
        low = limits[lim.REPLICAS_MIN + 2 * dimension]
        high = limits[lim.REPLICAS_MIN + 2 * dimension + 1]
        allocation[dimension] = min(max(requested[dimension], low), high)
    advance_steps(state, parameters, limits, allocation, rates, noise, samples)
    reward, violation = reward_one(
        samples, limits, before, requested, memory[:OBSERVATION_MEMORY], weights, totals
    )
    observe_one(samples, memory[OBSERVATION_MEMORY:], limits, 0.0, observation)
    return reward, violation


@compiled
def decide_rows(
    state: FloatArray,
    parameters: FloatArray,
    limits: FloatArray,
    allocation: FloatArray,
    actions: FloatArray,
    rates: FloatArray,
    noise: FloatArray,
    weights: FloatArray,
    memory: FloatArray,
    totals: FloatArray,
    observation: FloatArray,
    outcome: FloatArray,
) -> None:
    """decide_and_advance for each row; outcome [B, 2] is (reward, violated share)."""
    samples = np.zeros((INTERVAL_STEPS, SAMPLE_COUNT))
    for row in range(state.shape[0]):
        reward, violation = decide_and_advance(
            state[row],
            parameters[row],
            limits[row],
            allocation[row],
            actions[row],
            rates[row],
            noise[row],
            weights,
            memory[row],
            samples,
            totals[row],
            observation[row],
        )
        outcome[row, 0] = reward
        outcome[row, 1] = violation
