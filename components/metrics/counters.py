"""Increases of counters that are read as they are (not through `rate`)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
Times = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Reading:
    """A counter's value at the time when it first shows or changes.

    `flagged`: the container's last end was an OOM kill then.
    """

    measure: str
    pod: str
    time_ms: int
    value: float
    flagged: bool = False


@dataclass(frozen=True, slots=True)
class Rise:
    """By how much a counter rose at a time."""

    time_ms: int
    by: float
    flagged: bool


def readings(
    measure: str, pod: str, row: FloatArray, times_ms: Times, flags: FloatArray | None = None
) -> list[Reading]:
    """Return the readings of one counter's row [T]: its first value and every other one."""
    present = np.flatnonzero(np.isfinite(row))
    values = row[present]
    changed = np.ones(len(values), dtype=bool)
    changed[1:] = values[1:] != values[:-1]
    return [
        Reading(
            measure,
            pod,
            int(times_ms[step]),
            float(row[step]),
            flagged=flags is not None and bool(flags[step] > 0),
        )
        for step in present[changed]
    ]


def rises(read: Iterable[Reading]) -> list[Rise]:
    """Return the rises of one measure's counters, all of one workload, in order of time.

    After a reset (a fall) the counter's whole value is new. A counter that begins later than the
    first one, as a new pod's does, begins at zero; one that is there when the workload is first
    seen has no past. A value read twice is no rise, so readings of neighbouring stretches of time
    may simply be put together.
    """
    ordered = sorted(read, key=lambda one: (one.time_ms, one.pod))
    last: dict[str, float] = {}
    found = []
    for one in ordered:
        began = one.value if one.time_ms == ordered[0].time_ms else 0.0
        before = last.get(one.pod, began)
        by = one.value - before if one.value >= before else one.value
        last[one.pod] = one.value
        if by:
            found.append(Rise(one.time_ms, by, one.flagged))
    return found
