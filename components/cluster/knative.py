"""Knative's Pod Autoscaler on concurrency: a stable window, and a panic window for surges.

Source: knative.dev, "Configuring the autoscaler" (defaults: stable window 60 s, panic window
10 %, panic threshold 200 %, scale-up rate 1000, scale-down rate 2, target 100 requests at 70 %)
and knative/serving, pkg/autoscaler/scaling/autoscaler.go. The telemetry's step of 15 s takes the
place of its tick of 2 s: the panic window of 6 s is the latest step, the stable one four steps.
Scaling to zero is left out: the bounds ask for one replica at least.
"""

from __future__ import annotations

import math

from components.cluster import limits as lim
from components.cluster.compiled import FloatArray, compiled
from components.cluster.sample import STEP_S

STABLE_WINDOW_S = 60.0
STABLE_STEPS = 4
PANIC_THRESHOLD = 2.0
MOST_UP = 1000.0
MOST_DOWN = 2.0

# Of one workload: the concurrency of the last steps, how many are known, where the next one goes,
# seconds since it was last over the threshold (negative: no panic), most replicas of this panic.
KNOWN = STABLE_STEPS
NEXT = STABLE_STEPS + 1
PANIC_S = STABLE_STEPS + 2
PANIC_REPLICAS = STABLE_STEPS + 3


@compiled
def reset_knative(memory: FloatArray) -> None:
    """An autoscaler that has seen nothing."""
    memory[:] = 0.0
    memory[PANIC_S] = -1.0


@compiled
def stable_average(memory: FloatArray, concurrency: float) -> float:
    """The mean of the stable window's steps, the present one among them; updates memory."""
    position = int(memory[NEXT])
    memory[position] = concurrency
    memory[NEXT] = float((position + 1) % STABLE_STEPS)
    memory[KNOWN] = min(memory[KNOWN] + 1.0, float(STABLE_STEPS))
    total = 0.0
    for step in range(STABLE_STEPS):
        total += memory[step]
    return float(total / memory[KNOWN])


@compiled
def note_panic(memory: FloatArray, over: bool) -> bool:
    """Whether it panics now: from when it was over the threshold until the window has passed."""
    if over:
        memory[PANIC_S] = 0.0
    elif memory[PANIC_S] >= 0.0:
        memory[PANIC_S] += STEP_S
        if memory[PANIC_S] > STABLE_WINDOW_S:
            memory[PANIC_S] = -1.0
            memory[PANIC_REPLICAS] = 0.0
    return bool(memory[PANIC_S] >= 0.0)


@compiled
def knative_one(
    memory: FloatArray, limits: FloatArray, concurrency: float, ready: float, target: float
) -> float:
    """Replicas after one step; memory is updated.

    concurrency: requests at work or waiting over all replicas, mean of the step; target: what
    one replica should have.
    """
    counted = max(ready, 1.0)
    highest = math.ceil(MOST_UP * counted)
    lowest = math.floor(counted / MOST_DOWN)
    stable = math.ceil(stable_average(memory, concurrency) / target)
    panic = math.ceil(concurrency / target)
    panics = note_panic(memory, panic / counted >= PANIC_THRESHOLD)
    replicas = min(max(stable, lowest), highest)
    if panics:
        replicas = max(replicas, min(max(panic, lowest), highest), memory[PANIC_REPLICAS])
        memory[PANIC_REPLICAS] = replicas
    return float(min(max(replicas, limits[lim.REPLICAS_MIN]), limits[lim.REPLICAS_MAX]))
