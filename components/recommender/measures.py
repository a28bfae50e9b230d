"""The measures that a decision can't be made without, and how their absence is told."""

from __future__ import annotations

from components.cluster import sample as smp

# A power of two for each, its name for people, its column.
MEASURES: tuple[tuple[int, str, int], ...] = (
    (1, "CPU use", smp.CPU_USAGE_M),
    (2, "memory working set", smp.MEMORY_WORKING_SET_BYTES),
    (4, "ready replicas", smp.REPLICAS_READY),
    (8, "request rate", smp.REQUEST_RATE_PER_S),
)
NEVER_TOGETHER = 16


def missing_words(numbers: int) -> str:
    """Which measures are missing, from the sum of their numbers."""
    names = [name for number, name, _ in MEASURES if numbers & number]
    if not names:
        return "telemetry that the decision needs has gaps"
    return f"no {' and no '.join(names)} was measured (`aware preflight` says why)"
