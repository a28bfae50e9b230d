"""The Horizontal Pod Autoscaler (autoscaling/v2) on CPU utilisation, as its controller computes it.

Source: kubernetes/kubernetes, pkg/controller/podautoscaler (replica_calculator.go,
horizontal.go), with the default behaviour: no window upwards, at most +4 replicas or +100 % per
15 s; 300 s window downwards, -100 % per 15 s; a sync every 15 s.
"""

from __future__ import annotations

import math

from components.cluster import limits as lim
from components.cluster import sample as smp
from components.cluster.compiled import FloatArray, compiled

TOLERANCE = 0.1
SYNC_S = 15.0
DOWN_WINDOW_S = 300.0
DEFAULT_TARGET = 0.7
UP_PODS = 4.0
# Recommendations younger than the window at a sync every 15 s.
RECOMMENDATIONS = 20
# The ring of recommendations, then where the next one goes.
HPA_MEMORY_COUNT = RECOMMENDATIONS + 1


@compiled
def within_tolerance(ratio: float) -> bool:
    """Whether a ratio of usage to target is left alone."""
    return abs(1.0 - ratio) <= TOLERANCE


@compiled
def desired_replicas(
    current: float,
    ready: float,
    unready: float,
    missing: float,
    usage_m: float,
    request_m: float,
    target: float,
) -> float:
    """Replicas for the target utilisation (0 to 1), before stabilisation and bounds.

    usage_m is the CPU of the `ready` replicas that have metrics; request_m one replica's request;
    `unready` replicas have not become ready yet, `missing` are ready but without a metric. Equal
    requests are assumed for all replicas.
    """
    if ready <= 0.0:
        # Without a metric the controller reports an error and leaves the scale as it is.
        return current
    ratio = usage_m / (ready * request_m) / target
    rebalanced = unready > 0.0 and ratio > 1.0
    if not rebalanced and missing <= 0.0:
        return current if within_tolerance(ratio) else float(math.ceil(ratio * ready))
    counted = ready
    if ratio < 1.0:
        # On the way down a missing one counts as fully used, on the way up as idle.
        usage_m += missing * request_m * max(1.0, target)
    if ratio != 1.0:
        counted += missing
    if rebalanced:
        counted += unready
    adjusted = usage_m / (counted * request_m) / target
    flipped = (ratio < 1.0 < adjusted) or (ratio > 1.0 > adjusted)
    if flipped or within_tolerance(adjusted):
        return current
    replicas = float(math.ceil(adjusted * counted))
    if (adjusted < 1.0 and replicas > current) or (adjusted > 1.0 and replicas < current):
        return current
    return replicas


@compiled
def stabilised(memory: FloatArray, current: float, desired: float) -> float:
    """Down only to the highest recommendation of the last 300 s; up at once; updates memory."""
    position = int(memory[RECOMMENDATIONS])
    memory[position] = desired
    memory[RECOMMENDATIONS] = float((position + 1) % RECOMMENDATIONS)
    highest = 0.0
    for index in range(RECOMMENDATIONS):
        highest = max(highest, float(memory[index]))
    return min(max(current, desired), highest)


@compiled
def scale_up_limit(current: float, added: float, removed: float) -> float:
    """The larger of +4 and +100 % on what there was at the period's start."""
    start = current - added + removed
    return max(start + UP_PODS, float(math.ceil(start * 2.0)))


@compiled
def reset_hpa(memory: FloatArray, current: float) -> None:
    """A controller that has just seen the workload remembers its current replicas."""
    memory[:] = 0.0
    memory[0] = current
    memory[RECOMMENDATIONS] = 1.0


@compiled
def hpa_one(
    memory: FloatArray, limits: FloatArray, sample: FloatArray, current: float, target: float
) -> float:
    """Replicas after one sync on a step's sample [M]; memory is updated.

    A sync every 15 s never sees its own last change within the 15 s period of the policies.
    """
    ready = sample[smp.REPLICAS_READY]
    desired = desired_replicas(
        current,
        ready,
        max(sample[smp.REPLICAS_WANTED] - ready, 0.0),
        0.0,
        sample[smp.READY_CPU_USAGE_M],
        sample[smp.CPU_REQUEST_M],
        target,
    )
    replicas = stabilised(memory, current, desired)
    replicas = min(replicas, scale_up_limit(current, 0.0, 0.0))
    return float(min(max(replicas, limits[lim.REPLICAS_MIN]), limits[lim.REPLICAS_MAX]))
