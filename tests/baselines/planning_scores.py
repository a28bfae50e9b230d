"""What candidates come to on sampled futures, compiled: the inner loop of the planner."""

from __future__ import annotations

import numba
import numpy as np

from components.cluster import limits as lim
from components.cluster.compiled import borrowed
from components.cluster.plan_replay import planned_interval
from components.cluster.reward import EPISODE_COUNT, INTERVAL_STEPS
from components.cluster.sample import SAMPLE_COUNT
from components.cluster.state import STATE_COUNT
from components.policy.rule import act_one, digest_one
from components.policy.rule_rollout import (
    CONTROLLER_STATE_COUNT,
    OBSERVATION_MEMORY,
    REWARD_MEMORY,
    interval_one,
)


@numba.njit(error_model="numpy")
def propose(rule_states, rules, moves, limits, allocation, out):
    """What each candidate would allocate now, out [B, C, 3]: its rule's choice, moved, in bounds.

    rule_states [B, C, R] become what the rules know after it; rules [B, C, K]; moves [C, 3] are
    replicas added and factors of CPU and memory; limits [B, L], allocation [B, 3].
    """
    rule_states, rules, limits = borrowed(rule_states), borrowed(rules), borrowed(limits)
    allocation, out = borrowed(allocation), borrowed(out)
    for row in range(out.shape[0]):
        for each in range(out.shape[1]):
            chosen = out[row, each]
            known = rule_states[row, each, :REWARD_MEMORY]
            act_one(known, rules[row, each], limits[row], allocation[row], chosen)
            chosen[lim.REPLICAS] += moves[each, 0]
            for dimension in (lim.CPU_M, lim.MEMORY_BYTES):
                chosen[dimension] = np.round(chosen[dimension] * moves[each, dimension])
            for dimension in range(3):
                low = limits[row, lim.REPLICAS_MIN + 2 * dimension]
                high = limits[row, lim.REPLICAS_MIN + 2 * dimension + 1]
                chosen[dimension] = min(max(chosen[dimension], low), high)


@numba.njit(error_model="numpy")
def forced_one(
    state, known, rule, parameters, limits, allocation, forced, rates, noise, weights, samples,
    totals,
):  # fmt: skip
    """A minute at a forced allocation [3], watched by the rule; allocation becomes it."""
    reward, violation = planned_interval(
        state, parameters, limits, allocation, forced, rates, noise,
        known[REWARD_MEMORY:OBSERVATION_MEMORY], weights, samples, totals,
    )  # fmt: skip
    digest_one(known[:REWARD_MEMORY], rule, samples, limits)
    allocation[:] = forced
    return reward, violation


@numba.njit(error_model="numpy")
def forced_rows(
    states, rule_states, rules, parameters, limits, allocation, forced, rates, noise, weights,
    totals,
):  # fmt: skip
    """forced_one for each row, adding to totals [B, E]."""
    states, rule_states, rules = borrowed(states), borrowed(rule_states), borrowed(rules)
    parameters, limits, allocation = borrowed(parameters), borrowed(limits), borrowed(allocation)
    forced, rates, noise = borrowed(forced), borrowed(rates), borrowed(noise)
    totals = borrowed(totals)
    samples = np.zeros((INTERVAL_STEPS, SAMPLE_COUNT))
    for row in range(states.shape[0]):
        forced_one(
            states[row], rule_states[row], rules[row], parameters[row], limits[row],
            allocation[row], forced[row], rates[row], noise[row], weights, samples, totals[row],
        )  # fmt: skip


@numba.njit(error_model="numpy")
def score_futures(
    states, rule_states, rules, parameters, limits, allocation, candidates, tried, rates, noise,
    weights, penalty, out,
):  # fmt: skip
    """Sums of reward - penalty * violation, out [B, C, F], of candidates where tried [B, C] is 1.

    A candidate [B, C, 3] holds for the first minute, then its rule [B, C, K] goes on; rates
    [B, F, T] and noise [B, F, T, N] are the same for all candidates (common random numbers).
    """
    states, rule_states, rules = borrowed(states), borrowed(rule_states), borrowed(rules)
    parameters, limits, allocation = borrowed(parameters), borrowed(limits), borrowed(allocation)
    candidates, tried, out = borrowed(candidates), borrowed(tried), borrowed(out)
    rates, noise, weights = borrowed(rates), borrowed(noise), borrowed(weights)
    state, known, now = np.zeros(STATE_COUNT), np.zeros(CONTROLLER_STATE_COUNT), np.zeros(3)
    samples, totals = np.zeros((INTERVAL_STEPS, SAMPLE_COUNT)), np.zeros(EPISODE_COUNT)
    for row in range(out.shape[0]):
        for each in range(out.shape[1]):
            if tried[row, each] == 0.0:
                continue
            for future in range(out.shape[2]):
                state[:], known[:], now[:] = states[row], rule_states[row, each], allocation[row]
                rate, chance = rates[row, future], noise[row, future]
                reward, violation = forced_one(
                    state, known, rules[row, each], parameters[row], limits[row], now,
                    candidates[row, each], rate[:INTERVAL_STEPS], chance[:INTERVAL_STEPS],
                    weights, samples, totals,
                )  # fmt: skip
                total = reward - penalty * violation
                for at in range(INTERVAL_STEPS, rate.shape[0], INTERVAL_STEPS):
                    reward, violation = interval_one(
                        state, known, parameters[row], limits[row], now, rules[row, each],
                        rate[at : at + INTERVAL_STEPS], chance[at : at + INTERVAL_STEPS],
                        samples, weights, totals,
                    )  # fmt: skip
                    total += reward - penalty * violation
                out[row, each, future] = total
