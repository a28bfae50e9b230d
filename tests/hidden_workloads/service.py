"""A service that no twin can be: what its telemetry hides, and the simulator's step with it.

Added to the simulator's family: stalls (a heavy tail that doesn't come from load), contention
(CPU per request grows with load), a memory law of its own (a power of concurrency, and a cache
that fills with requests served), and a slow leak that ends with a restart.
"""

import math
from typing import Any

import numba
import numpy as np

from components.cluster import parameters as par
from components.cluster import sample as smp
from components.cluster import state as st
from components.cluster.applications import sample_applications
from components.cluster.compiled import FloatArray, borrowed
from components.cluster.noise import NOISE_LATENCY
from components.cluster.simulator import advance_one

STALL_WEIGHT = par.PARAMETER_COUNT
CONTENTION = par.PARAMETER_COUNT + 1
MEMORY_EXPONENT = par.PARAMETER_COUNT + 2
CACHE_SHARE = par.PARAMETER_COUNT + 3
CACHE_REQUESTS = par.PARAMETER_COUNT + 4
LEAK_PER_H = par.PARAMETER_COUNT + 5
HIDDEN_PARAMETER_COUNT = par.PARAMETER_COUNT + 6

LEAKED_BYTES = st.STATE_COUNT
SERVED_EACH = st.STATE_COUNT + 1
CONCURRENCY_EACH = st.STATE_COUNT + 2
HIDDEN_STATE_COUNT = st.STATE_COUNT + 3

_STEPS_PER_H = 3600.0 / smp.STEP_S


def sample_hidden(
    rng: np.random.Generator, count: int
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """(parameters [count, HIDDEN_PARAMETER_COUNT], limits [count, L], mean rates [count])."""
    family, limits, rates = sample_applications(rng, count)
    hidden = np.stack(
        [
            rng.uniform(0.02, 0.25, count),
            rng.uniform(0.0, 0.4, count),
            rng.uniform(0.6, 1.4, count),
            rng.uniform(0.0, 0.3, count),
            np.exp(rng.uniform(np.log(1e3), np.log(1e5), count)),
            rng.uniform(0.0, 0.06, count),
        ],
        axis=1,
    )
    return np.concatenate([family, hidden], axis=1), limits, rates


@numba.njit(error_model="numpy")
def hidden_advance_one(
    state: Any,
    parameters: Any,
    limits: Any,
    replicas: Any,
    cpu_m: Any,
    memory_bytes: Any,
    rate_per_s: Any,
    noise: Any,
    sample: Any,
) -> Any:
    """As simulator.advance_one, with state [HIDDEN_STATE_COUNT] and the hidden parameters."""
    state = borrowed(state)
    parameters = borrowed(parameters)
    own = parameters[: par.PARAMETER_COUNT].copy()
    pods = max(state[st.READY], 1.0)
    needed_m = rate_per_s / pods * own[par.SERVICE_DEMAND_MS]
    load = min(needed_m / max(state[st.CPU_M_NOW], 1.0), 1.0)
    own[par.SERVICE_DEMAND_MS] *= 1.0 + parameters[CONTENTION] * load
    # At two deviations 1 + w, at three 1 + 8 w.
    stall = max(noise[NOISE_LATENCY] - 1.0, 0.0)
    own[par.TAIL_FACTOR] *= 1.0 + parameters[STALL_WEIGHT] * stall**3
    bend = (1.0 + state[CONCURRENCY_EACH]) ** (parameters[MEMORY_EXPONENT] - 1.0)
    own[par.MEMORY_PER_REQUEST_BYTES] *= bend
    base = own[par.MEMORY_BASE_BYTES]
    filled = 1.0 - math.exp(-state[SERVED_EACH] / parameters[CACHE_REQUESTS])
    own[par.MEMORY_BASE_BYTES] += base * parameters[CACHE_SHARE] * filled + state[LEAKED_BYTES]
    advance_one(
        state[: st.STATE_COUNT], own, limits, replicas, cpu_m, memory_bytes, rate_per_s, noise,
        sample,
    )  # fmt: skip
    living = 1.0 - min(sample[smp.RESTARTS] / pods, 1.0)
    state[LEAKED_BYTES] = living * (
        state[LEAKED_BYTES] + base * parameters[LEAK_PER_H] / _STEPS_PER_H
    )
    state[SERVED_EACH] = living * (state[SERVED_EACH] + sample[smp.SERVED] / pods)
    state[CONCURRENCY_EACH] = sample[smp.CONCURRENCY] / pods
