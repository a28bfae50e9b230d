"""One step of 15 s of a service on Kubernetes: pure, no hidden state, chance passed in.

The order within a step: the allocation takes effect (scaling, resizing, restarts), requests are
served, memory follows concurrency, replicas over their memory limit are killed, starting
replicas move on, metrics are taken. Requests are conserved:
queued before + arrived = served + failed + queued after. A request that its client sends again
arrives again.
"""

from __future__ import annotations

import math

import numpy as np

from components.cluster.allocating import move_starting, resize, scale
from components.cluster.clients import returning, will_return
from components.cluster.compiled import FloatArray, borrowed, compiled, contiguous
from components.cluster.draining import drain
from components.cluster.limits import CPU_M, MEMORY_BYTES, REPLICAS
from components.cluster.measuring import measure
from components.cluster.memory import kill_over_limit
from components.cluster.noise import NOISE_ARRIVALS
from components.cluster.parameters import ARRIVAL_VARIABILITY
from components.cluster.sample import SAMPLE_COUNT, STEP_S
from components.cluster.serving import serve
from components.cluster.state import STARTING, STARTING_STEPS


@compiled
def advance_one(
    state: FloatArray,
    parameters: FloatArray,
    limits: FloatArray,
    replicas: float,
    cpu_m: float,
    memory_bytes: float,
    rate_per_s: float,
    noise: FloatArray,
    sample: FloatArray,
) -> None:
    """Advance one workload by 15 s; overwrites state [S] and sample [M].

    parameters [P], limits [L], noise [N] standard normal draws; the allocation is what the
    controller wants from now on. Arrivals are the rate plus chance (Poisson-like where
    arrival_variability is 1), and what comes again.
    """
    restarts = resize(state, parameters, max(cpu_m, 1.0), max(memory_bytes, 1e6))
    scale(state, parameters, max(1.0, np.round(replicas)))
    expected = max(rate_per_s, 0.0) * STEP_S
    chance = noise[NOISE_ARRIVALS] * math.sqrt(expected * parameters[ARRIVAL_VARIABILITY])
    fresh = max(expected + chance, 0.0)
    serve(state, parameters, limits, fresh + returning(state, parameters), sample)
    drain(state, parameters, sample)
    kills = kill_over_limit(state, parameters, sample)
    will_return(state, parameters, fresh, sample)
    move_starting(state)
    measure(state, parameters, noise, kills, restarts + kills, sample)


@compiled
def advance_steps(
    state: FloatArray,
    parameters: FloatArray,
    limits: FloatArray,
    allocation: FloatArray,
    rates: FloatArray,
    noise: FloatArray,
    samples: FloatArray,
) -> None:
    """advance_one for each of samples [n, M] at one allocation [3]; rates [n], noise [n, N]."""
    state = borrowed(state)
    parameters = borrowed(parameters)
    limits = borrowed(limits)
    allocation = borrowed(allocation)
    rates = borrowed(rates)
    noise = borrowed(noise)
    samples = borrowed(samples)
    for index in range(samples.shape[0]):
        advance_one(
            state,
            parameters,
            limits,
            allocation[REPLICAS],
            allocation[CPU_M],
            allocation[MEMORY_BYTES],
            rates[index],
            noise[index],
            samples[index],
        )


@compiled
def step_rows(
    state: FloatArray,
    parameters: FloatArray,
    limits: FloatArray,
    allocation: FloatArray,
    rates: FloatArray,
    noise: FloatArray,
    samples: FloatArray,
) -> None:
    """advance_one for each row."""
    state = borrowed(state)
    parameters = borrowed(parameters)
    limits = borrowed(limits)
    allocation = borrowed(allocation)
    rates = borrowed(rates)
    noise = borrowed(noise)
    samples = borrowed(samples)
    for row in range(state.shape[0]):
        advance_one(
            state[row],
            parameters[row],
            limits[row],
            allocation[row, REPLICAS],
            allocation[row, CPU_M],
            allocation[row, MEMORY_BYTES],
            rates[row],
            noise[row],
            samples[row],
        )


def step(
    state: FloatArray,
    parameters: FloatArray,
    limits: FloatArray,
    allocation: FloatArray,
    rates: FloatArray,
    noise: FloatArray,
) -> tuple[FloatArray, FloatArray]:
    """(next state [B, S], samples [B, M]) after 15 s; the inputs are left as they are.

    state [B, S], parameters [B, P], limits [B, L], allocation [B, 3] (replicas, millicores,
    bytes), rates [B] per second, noise [B, N].
    """
    following = contiguous(state).copy()
    samples = np.zeros((following.shape[0], SAMPLE_COUNT))
    step_rows(
        following,
        contiguous(parameters),
        contiguous(limits),
        contiguous(allocation),
        contiguous(rates),
        contiguous(noise),
        samples,
    )
    return following, samples


def alive(state: FloatArray) -> FloatArray:
    """Replicas that exist, ready or starting: [B] of state [B, S]."""
    starting: FloatArray = state[:, STARTING : STARTING + STARTING_STEPS].sum(axis=1)
    return starting + state[:, 0]
