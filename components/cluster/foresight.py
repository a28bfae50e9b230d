"""What could be had at best: allocations chosen with the whole trace and its chance known.

A local search over the sequence of allocations of each workload: a stretch of minutes is moved in
one dimension, the true trace is replayed from there, and the change stays if the score rose. It
starts from another controller's course and never ends below it. It is no proof of an optimum: the
true one is at least what this finds.
"""

from __future__ import annotations

import numpy as np

from components.cluster.compiled import FloatArray, contiguous
from components.cluster.foresight_search import DRAWS, foresight_rows
from components.cluster.limits import ALLOCATION_COUNT, clip_allocation
from components.cluster.plan_replay import planned_rows
from components.cluster.reward import INTERVAL_STEPS, RewardWeights
from components.cluster.rollout import Course, Rollout, whole_intervals


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
