"""The interpretable rule: what it decides from an interval, given its named parameters.

`digest_one` reads an interval into what the rule remembers (CPU per request, rate, trend, peaks);
`act_one` turns that into the next allocation. A learner changes the parameters between the two.
"""

from __future__ import annotations

import math

import numpy as np

from components.cluster import limits as lim
from components.cluster import sample as smp
from components.cluster.compiled import FloatArray, compiled
from components.policy import rule_parameters as rp
from components.policy.rule_parameters import (
    RULE_COUNT,
    RULE_PARAMETERS,
    default_rule,
    from_unit,
    to_unit,
)

__all__ = [
    "RULE_COUNT",
    "RULE_PARAMETERS",
    "RULE_STATE_COUNT",
    "act_one",
    "decide_one",
    "default_rule",
    "digest_one",
    "from_unit",
    "to_unit",
]

SEEN = 0
DEMAND_MS = 1
RATE = 2
TREND = 3
RATE_PEAK = 4
MEMORY_PEAK = 5
MEMORY_LATEST = 6
MEMORY_VARIABILITY = 7
OOM_FLOOR = 8
SLACK_BOOST = 9
SATURATED = 10
DOWN_WAIT_MIN = 11
RULE_STATE_COUNT = 12

INTERVAL_MIN = 1.0
BUSY = 0.85
# A need of 3.000000001 replicas is a rounding of three.
ROUNDING = 1e-6
# Feedback is quick to add capacity and four times slower to take it away. With more to take away
# (.6 and -1.5) searched rules needed a tenth fewer cores, but the meta-policy, which meets the same
# feedback while it learns, became a third dearer.
RELEASE = 0.25
BOOST_LEAST = -0.7
BOOST_MOST = 1.2
# An OOM's floor halves in about twelve hours.
OOM_FLOOR_DECAY = 0.99904


@compiled
def half_life_decay(minutes: float) -> float:
    """What is left after one interval of something that halves in `minutes`."""
    return math.exp(-0.6931 * INTERVAL_MIN / minutes)


@compiled
def digest_one(
    rule_state: FloatArray, rule: FloatArray, samples: FloatArray, limits: FloatArray
) -> None:
    """Read an interval's samples [n, M] into the rule's memory [R]."""
    steps = samples.shape[0]
    last = samples[steps - 1]
    first = rule_state[SEEN] == 0.0
    used_m, rate, highest_rate, worst_ms, errors, kills = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
    for index in range(steps):
        row = samples[index]
        used_m += row[smp.CPU_USAGE_M] / steps
        rate += row[smp.REQUEST_RATE_PER_S] / steps
        highest_rate = max(highest_rate, row[smp.REQUEST_RATE_PER_S])
        worst_ms = max(worst_ms, row[smp.LATENCY_MS])
        errors += row[smp.ERROR_RATIO] / steps
        kills += row[smp.OOM_KILLS]
    offered_m = max(last[smp.REPLICAS_READY] * last[smp.CPU_REQUEST_M], 1e-9)
    slo_ms = limits[lim.SLO_LATENCY_MS]
    busy = last[smp.CPU_USAGE_M] > BUSY * offered_m
    rule_state[SATURATED] = 1.0 if busy and (worst_ms > slo_ms or errors > 0.01) else 0.0
    # A saturated service shows its capacity, not what its requests need.
    if rate > 1e-3 and (first or not busy):
        weight = 1.0 if rule_state[DEMAND_MS] == 0.0 else rule[rp.DEMAND_SMOOTHING]
        rule_state[DEMAND_MS] += weight * (used_m / rate - rule_state[DEMAND_MS])
    recent = 0.5 * (
        last[smp.REQUEST_RATE_PER_S] + samples[max(steps - 2, 0), smp.REQUEST_RATE_PER_S]
    )
    if not first:
        change = (recent - rule_state[RATE]) / (60.0 * INTERVAL_MIN)
        rule_state[TREND] += rule[rp.TREND_SMOOTHING] * (change - rule_state[TREND])
    rule_state[RATE] = recent
    kept = rule_state[RATE_PEAK] * half_life_decay(rule[rp.PEAK_HALF_LIFE_MIN])
    rule_state[RATE_PEAK] = max(highest_rate, kept)
    digest_memory(rule_state, rule, samples, kills)
    if rate > 1e-3:
        digest_slack(rule_state, rule, math.log(slo_ms / max(worst_ms, 1e-3)))
    rule_state[SEEN] = 1.0


@compiled
def digest_memory(
    rule_state: FloatArray, rule: FloatArray, samples: FloatArray, kills: float
) -> None:
    """Remember the decaying peak of the working set, its variability and OOM kills."""
    steps = samples.shape[0]
    highest, lowest = 0.0, 1e300
    for index in range(steps):
        highest = max(highest, samples[index, smp.MEMORY_WORKING_SET_BYTES])
        lowest = min(lowest, samples[index, smp.MEMORY_WORKING_SET_BYTES])
    latest = samples[steps - 1, smp.MEMORY_WORKING_SET_BYTES]
    spread = (highest - lowest) / max(highest, 1.0)
    previous = rule_state[MEMORY_LATEST]
    if previous > 0.0:
        spread = max(spread, abs(latest - previous) / max(highest, 1.0))
    rule_state[MEMORY_VARIABILITY] += 0.2 * (spread - rule_state[MEMORY_VARIABILITY])
    rule_state[MEMORY_LATEST] = latest
    decay = half_life_decay(rule[rp.MEMORY_HALF_LIFE_MIN])
    above = max(rule_state[MEMORY_PEAK] - latest, 0.0)
    rule_state[MEMORY_PEAK] = max(highest, latest + above * decay)
    rule_state[OOM_FLOOR] *= OOM_FLOOR_DECAY
    if kills > 0.0:
        killed_at = samples[steps - 1, smp.MEMORY_REQUEST_BYTES]
        rule_state[OOM_FLOOR] = max(rule_state[OOM_FLOOR], killed_at * rule[rp.OOM_BUMP])


@compiled
def digest_slack(rule_state: FloatArray, rule: FloatArray, slack: float) -> None:
    """Integrate how far log(SLO / latency) is from the slack that the rule aims at."""
    lacking = min(max(rule[rp.SLACK_TARGET] - slack, -1.5), 1.5)
    gain = rule[rp.SLACK_GAIN] if lacking > 0.0 else RELEASE * rule[rp.SLACK_GAIN]
    boost = rule_state[SLACK_BOOST] + gain * lacking
    rule_state[SLACK_BOOST] = min(max(boost, BOOST_LEAST), BOOST_MOST)


@compiled
def act_one(
    rule_state: FloatArray,
    rule: FloatArray,
    limits: FloatArray,
    current: FloatArray,
    out: FloatArray,
) -> None:
    """Fill out [3] with the next allocation, within the limits [L]; current [3] is in force."""
    out[:] = current
    if rule_state[SEEN] == 0.0:
        return
    forecast = rule_state[RATE] + max(rule_state[TREND] * rule[rp.TREND_HORIZON_S], 0.0)
    forecast = max(forecast, rule[rp.PEAK_WEIGHT] * rule_state[RATE_PEAK])
    needed_m = forecast * rule_state[DEMAND_MS] * math.exp(rule_state[SLACK_BOOST])
    low_m = limits[lim.CPU_MIN_M]
    reference_m = low_m * (limits[lim.CPU_MAX_M] / low_m) ** rule[rp.REFERENCE_CPU_SHARE]
    # Chance weighs more on a small need: its reserve grows with the root only.
    reserve_m = rule[rp.BURST_RESERVE] * math.sqrt(needed_m * reference_m)
    needed_m = needed_m / rule[rp.TARGET_UTILISATION] + reserve_m
    if rule_state[SATURATED] > 0.0:
        offered_m = current[lim.REPLICAS] * current[lim.CPU_M]
        needed_m = max(needed_m, offered_m * rule[rp.SATURATION_BOOST])
    replicas = act_replicas(rule_state, rule, limits, current[lim.REPLICAS], needed_m / reference_m)
    band = math.exp(rule[rp.CPU_BAND])
    size_m = min(max(needed_m / replicas, reference_m / band), reference_m * band)
    size_m = min(max(size_m, low_m), limits[lim.CPU_MAX_M])
    if abs(math.log(size_m / current[lim.CPU_M])) < rule[rp.CPU_DEAD_BAND]:
        size_m = current[lim.CPU_M]
    out[lim.REPLICAS] = replicas
    out[lim.CPU_M] = min(max(np.round(size_m), low_m), limits[lim.CPU_MAX_M])
    out[lim.MEMORY_BYTES] = act_memory(rule_state, rule, limits, current[lim.MEMORY_BYTES])


@compiled
def act_replicas(
    rule_state: FloatArray, rule: FloatArray, limits: FloatArray, current: float, wanted: float
) -> float:
    """Replicas from a real-valued need: up at once, down by hysteresis and after a wait."""
    up = math.ceil(wanted - rule[rp.SCALE_UP_TOLERANCE] - ROUNDING)
    down = math.ceil(wanted + rule[rp.SCALE_DOWN_TOLERANCE] - ROUNDING)
    replicas = current
    if up > current:
        replicas = float(up)
        rule_state[DOWN_WAIT_MIN] = 0.0
    elif down < current:
        rule_state[DOWN_WAIT_MIN] += INTERVAL_MIN
        if rule_state[DOWN_WAIT_MIN] > rule[rp.SCALE_DOWN_WAIT_MIN]:
            replicas = float(down)
    else:
        rule_state[DOWN_WAIT_MIN] = 0.0
    return float(min(max(replicas, limits[lim.REPLICAS_MIN]), limits[lim.REPLICAS_MAX]))


@compiled
def act_memory(
    rule_state: FloatArray, rule: FloatArray, limits: FloatArray, current: float
) -> float:
    """Memory from the decaying peak with margins; never below the working set that was seen."""
    margin = rule[rp.MEMORY_MARGIN]
    margin += rule[rp.MEMORY_VARIABILITY_WEIGHT] * rule_state[MEMORY_VARIABILITY]
    wanted = max(rule_state[MEMORY_PEAK] * (1.0 + margin), rule_state[OOM_FLOOR])
    least = limits[lim.MEMORY_MIN_BYTES]
    wanted = max(
        wanted, least * (limits[lim.MEMORY_MAX_BYTES] / least) ** rule[rp.MEMORY_FLOOR_SHARE]
    )
    dead_band = rule[rp.MEMORY_DEAD_BAND]
    # A dead band wider than the margin must not let the working set reach the limit.
    tolerated = min(0.25 * dead_band, 0.5 * margin)
    size = current
    if wanted > current * (1.0 + tolerated) or wanted < current * (1.0 - dead_band):
        size = wanted
    size = max(size, rule_state[MEMORY_LATEST])
    size = max(np.ceil(size), limits[lim.MEMORY_MIN_BYTES])
    return float(min(size, limits[lim.MEMORY_MAX_BYTES]))


@compiled
def decide_one(
    rule_state: FloatArray,
    rule: FloatArray,
    samples: FloatArray,
    limits: FloatArray,
    current: FloatArray,
    out: FloatArray,
) -> None:
    """Digest the interval's samples [n, M] and fill out [3] with the next allocation."""
    digest_one(rule_state, rule, samples, limits)
    act_one(rule_state, rule, limits, current, out)
