"""How a new allocation takes effect: replicas start and stop, sizes change, restarts roll."""

from __future__ import annotations

import math

from components.cluster.compiled import FloatArray, compiled_inline
from components.cluster.draining import begin_drain
from components.cluster.parameters import (
    RESIZE_DELAY_S,
    RESIZE_RESTARTS,
    SCHEDULING_DELAY_S,
    STARTUP_CPU_M,
    STARTUP_S,
)
from components.cluster.placing import fitting, limited, placed, resize_fits
from components.cluster.sample import STEP_S
from components.cluster.state import (
    CPU_M_NOW,
    CPU_M_TARGET,
    GROWN_BYTES,
    MEMORY_BYTES_NOW,
    MEMORY_BYTES_TARGET,
    PENDING,
    READY,
    RESIZE_LEFT_S,
    STARTING,
    STARTING_STEPS,
    TO_RESTART,
)

RESTART_WAVE = 0.25


@compiled_inline
def startup_steps(parameters: FloatArray, cpu_m: float) -> float:
    """Start-up time in steps of 15 s; a limit below the start-up's CPU need stretches it."""
    stretch = max(1.0, float(parameters[STARTUP_CPU_M]) / cpu_m)
    steps = float(parameters[STARTUP_S]) * min(stretch, 4.0) / STEP_S
    return min(steps, STARTING_STEPS - 0.01)


@compiled_inline
def add_starting(state: FloatArray, pods: float, steps: float) -> None:
    """Let pods become ready at the end of the step in which `steps` ends."""
    slot = min(int(steps), STARTING_STEPS - 1)
    state[STARTING + slot] += pods


@compiled_inline
def scale(state: FloatArray, parameters: FloatArray, wanted: float) -> None:
    """Create what is missing; remove what is too many, those furthest from ready first."""
    total = state[READY]
    for slot in range(STARTING_STEPS):
        total += state[STARTING + slot]
    missing = wanted - total - state[PENDING]
    if missing > 0.0:
        state[PENDING] += missing
    surplus = -missing
    if surplus > 0.0:
        waiting = min(surplus, state[PENDING])
        state[PENDING] -= waiting
        surplus -= waiting
    if state[PENDING] > 0.0:
        place(state, parameters, total)
    if surplus > 0.0:
        for slot in range(STARTING_STEPS - 1, -1, -1):
            removed = min(surplus, state[STARTING + slot])
            state[STARTING + slot] -= removed
            surplus -= removed
        begin_drain(state, parameters, surplus)
        state[READY] -= surplus
        state[TO_RESTART] = min(state[TO_RESTART], state[READY])


@compiled_inline
def place(state: FloatArray, parameters: FloatArray, existing: float) -> None:
    """Let those that wait and fit start; `existing` are ready or starting already."""
    cpu_m, memory_bytes = state[CPU_M_NOW], state[MEMORY_BYTES_NOW]
    created = state[PENDING]
    if limited(parameters):
        room = fitting(parameters, cpu_m, memory_bytes) - placed(state)
        created = min(created, max(room, 0.0))
    if created > 0.0:
        state[PENDING] -= created
        steps = startup_steps(parameters, cpu_m) + parameters[SCHEDULING_DELAY_S] / STEP_S
        add_starting(state, created, steps)
        state[GROWN_BYTES] *= existing / (existing + created)


@compiled_inline
def renewed(state: FloatArray, restarted: float) -> None:
    """So many of the ready and starting replicas begin anew, without what they had grown by."""
    if state[GROWN_BYTES] > 0.0:
        total = state[READY]
        for slot in range(STARTING_STEPS):
            total += state[STARTING + slot]
        state[GROWN_BYTES] *= 1.0 - restarted / total


@compiled_inline
def resize(state: FloatArray, parameters: FloatArray, cpu_m: float, memory_bytes: float) -> float:
    """Move towards a new size per replica; returns how many replicas it restarts now.

    A new size takes effect after resize_delay_s, and when the nodes have room for it. Where a
    resize restarts the replica, a quarter of them (at least one) restarts per step.
    """
    if cpu_m != state[CPU_M_TARGET] or memory_bytes != state[MEMORY_BYTES_TARGET]:
        state[CPU_M_TARGET] = cpu_m
        state[MEMORY_BYTES_TARGET] = memory_bytes
        state[RESIZE_LEFT_S] = parameters[RESIZE_DELAY_S]
    if state[CPU_M_NOW] != cpu_m or state[MEMORY_BYTES_NOW] != memory_bytes:
        if state[RESIZE_LEFT_S] <= 0.0 and resize_fits(state, parameters, cpu_m, memory_bytes):
            state[CPU_M_NOW] = cpu_m
            state[MEMORY_BYTES_NOW] = memory_bytes
            if parameters[RESIZE_RESTARTS] >= 0.5:
                state[TO_RESTART] = state[READY]
        state[RESIZE_LEFT_S] -= STEP_S
    if state[TO_RESTART] <= 0.0:
        return 0.0
    wave = max(1.0, math.ceil(RESTART_WAVE * state[READY]))
    restarting = float(min(state[TO_RESTART], state[READY], wave))
    renewed(state, restarting)
    state[TO_RESTART] -= restarting
    state[READY] -= restarting
    if state[READY] <= 0.0:
        state[TO_RESTART] = 0.0
    add_starting(state, restarting, startup_steps(parameters, state[CPU_M_NOW]))
    return restarting


@compiled_inline
def move_starting(state: FloatArray) -> None:
    """One step passes: the first slot becomes ready, the others move up."""
    state[READY] += state[STARTING]
    for slot in range(STARTING_STEPS - 1):
        state[STARTING + slot] = state[STARTING + slot + 1]
    state[STARTING + STARTING_STEPS - 1] = 0.0
