"""The rules that set the number of replicas every 15 s, by the quantity that they look at."""

from __future__ import annotations

from components.cluster import sample as smp
from components.cluster.compiled import FloatArray, compiled
from components.cluster.hpa import HPA_MEMORY_COUNT, hpa_one, reset_hpa
from components.cluster.keda import keda_one, requests_in_system
from components.cluster.knative import knative_one, reset_knative

# What a target is of: CPU over its request; requests per second, requests at work or waiting, each
# of one replica.
HPA_CPU = 0
KEDA_REQUESTS = 1
KEDA_QUEUE = 2
KNATIVE = 3
HORIZONTAL_MEMORY_COUNT = HPA_MEMORY_COUNT


@compiled
def reset_horizontal(rule: int, memory: FloatArray, current: float) -> None:
    """The memory [21] of a rule that has just seen the workload at `current` replicas."""
    if rule == KNATIVE:
        reset_knative(memory)
    else:
        reset_hpa(memory, current)


@compiled
def horizontal_one(
    rule: int,
    memory: FloatArray,
    limits: FloatArray,
    sample: FloatArray,
    current: float,
    target: float,
) -> float:
    """Replicas after one sync of a rule on a step's sample [M]; memory [21] is updated."""
    if rule == HPA_CPU:
        return hpa_one(memory, limits, sample, current, target)
    if rule == KNATIVE:
        ready = sample[smp.REPLICAS_READY]
        return knative_one(memory, limits, requests_in_system(sample), ready, target)
    total = sample[smp.REQUEST_RATE_PER_S] if rule == KEDA_REQUESTS else requests_in_system(sample)
    return keda_one(memory, limits, total, sample[smp.REPLICAS_WANTED], current, target)
