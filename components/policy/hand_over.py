"""What a rule knows when it takes over: it has watched the workload under the incumbent."""

from __future__ import annotations

import numpy as np

from components.cluster import sample as smp
from components.cluster.compiled import FloatArray, borrowed, compiled
from components.cluster.reward import INTERVAL_STEPS
from components.policy.rule import (
    DOWN_WAIT_MIN,
    MEMORY_PEAK,
    OOM_FLOOR,
    SATURATED,
    SLACK_BOOST,
    digest_one,
)
from components.policy.rule_parameters import OOM_BUMP


@compiled
def take_over(
    rule_state: FloatArray, rule: FloatArray, past: FloatArray, limits: FloatArray
) -> None:
    """Fill a rule's memory from what it watched: samples past [T, M], rows of NaN left out."""
    rule_state = borrowed(rule_state)
    rule = borrowed(rule)
    past = borrowed(past)
    limits = borrowed(limits)
    rule_state[:] = 0.0
    for interval in range(past.shape[0] // INTERVAL_STEPS):
        start = interval * INTERVAL_STEPS
        if not np.isnan(past[start, smp.REQUEST_RATE_PER_S]):
            digest_one(rule_state, rule, past[start : start + INTERVAL_STEPS], limits)
    begin_acting(rule_state, rule)


@compiled
def begin_acting(rule_state: FloatArray, rule: FloatArray) -> None:
    """Leave a rule [K] what it knows of the workload, and forget what was another's doing.

    Demand, rate and peaks are the workload's, whoever scaled it. Missing slack, saturation and
    the wait for a shrink were the incumbent's: with them a rule would begin by mending another's
    faults. A kill is often reported when a larger size is in force already, so its floor counts
    by what was seen to be used.
    """
    rule_state[SLACK_BOOST] = 0.0
    rule_state[SATURATED] = 0.0
    rule_state[DOWN_WAIT_MIN] = 0.0
    used = rule[OOM_BUMP] * rule_state[MEMORY_PEAK]
    rule_state[OOM_FLOOR] = min(rule_state[OOM_FLOOR], used)
