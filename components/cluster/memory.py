"""What a replica holds in memory, and the kills of those that hold too much."""

from __future__ import annotations

import math

from components.cluster.allocating import add_starting, renewed, startup_steps
from components.cluster.compiled import FloatArray, compiled_inline
from components.cluster.parameters import (
    MEMORY_BASE_BYTES,
    MEMORY_GROWTH_BYTES_PER_H,
    MEMORY_PER_REQUEST_BYTES,
    MEMORY_RELEASE_PER_STEP,
    OOM_RESTART_S,
)
from components.cluster.sample import (
    ARRIVED,
    CONCURRENCY,
    EXACT_FAILED_RATIO,
    EXACT_MEMORY_BYTES,
    FAILED,
    SERVED,
    STEP_S,
)
from components.cluster.state import (
    CPU_M_NOW,
    GROWN_BYTES,
    MEMORY_BYTES_NOW,
    MEMORY_LEVEL_BYTES,
    READY,
    RESTART_BACKOFF_S,
)

MAX_BACKOFF_S = 300.0
# A back-off halves in about five minutes without a kill.
BACKOFF_DECAY = 0.966


@compiled_inline
def follow_memory(state: FloatArray, parameters: FloatArray, concurrency: float) -> None:
    """Memory of a replica rises at once with its concurrent requests and is released slowly.

    Beside that it grows with the replica's age, where it does.
    """
    needed = parameters[MEMORY_BASE_BYTES] + parameters[MEMORY_PER_REQUEST_BYTES] * concurrency
    level = state[MEMORY_LEVEL_BYTES]
    kept = level - parameters[MEMORY_RELEASE_PER_STEP] * (level - needed)
    state[MEMORY_LEVEL_BYTES] = max(needed, kept)
    state[GROWN_BYTES] += parameters[MEMORY_GROWTH_BYTES_PER_H] * (STEP_S / 3600.0)


@compiled_inline
def kill_over_limit(state: FloatArray, parameters: FloatArray, sample: FloatArray) -> float:
    """OOM-kill replicas over their memory limit; returns how many.

    The further above the limit, the more of them; their requests are lost, and they come back
    after a back-off that doubles (Kubernetes: up to five minutes) and the start-up.
    """
    own = state[MEMORY_LEVEL_BYTES]
    level = own + state[GROWN_BYTES]
    limit = state[MEMORY_BYTES_NOW]
    ready = float(state[READY])
    sample[EXACT_MEMORY_BYTES] = min(level, limit)
    if level < limit or ready <= 0.0:
        state[RESTART_BACKOFF_S] = max(
            parameters[OOM_RESTART_S], BACKOFF_DECAY * state[RESTART_BACKOFF_S]
        )
        return 0.0
    share = min(1.0, 0.1 + 4.0 * (level / limit - 1.0))
    kills = float(min(max(math.ceil(share * ready), 1.0), ready))
    lost = min(sample[CONCURRENCY] * kills / ready, sample[SERVED])
    sample[SERVED] -= lost
    sample[FAILED] += lost
    if sample[ARRIVED] > 0.0:
        sample[EXACT_FAILED_RATIO] = min(sample[FAILED] / sample[ARRIVED], 1.0)
    renewed(state, kills)
    state[READY] -= kills
    back = state[RESTART_BACKOFF_S] / STEP_S + startup_steps(parameters, state[CPU_M_NOW])
    # The killed replica serves no more in this step, so it can't be ready within it.
    add_starting(state, kills, max(back, 1.0))
    state[RESTART_BACKOFF_S] = min(2.0 * state[RESTART_BACKOFF_S], MAX_BACKOFF_S)
    base = parameters[MEMORY_BASE_BYTES]
    left = 1.0 - kills / ready
    state[MEMORY_LEVEL_BYTES] = min(base + (min(own, limit) - base) * left, own)
    return kills
