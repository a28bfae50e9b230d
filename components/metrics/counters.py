"""Increases of counters that are read as they are (not through `rate`)."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]


def increases(counters: FloatArray) -> FloatArray:
    """Return by how much each counter [S, T] rose in each step [S, T], 0 where it is unknown.

    The rows are of one workload. After a reset (a fall) the counter's whole value is new. A series
    that begins later than the others, as a new pod's does, begins at zero; one that is there when
    the workload is first seen has no past.
    """
    seen = np.isfinite(counters)
    first_seen = int(np.argmax(seen.any(axis=0)))
    rises = np.zeros_like(counters)
    for row, rise in zip(counters, rises, strict=True):
        present = np.flatnonzero(np.isfinite(row))
        if present.size == 0:
            continue
        values = row[present]
        before = np.concatenate([[values[0] if present[0] == first_seen else 0.0], values[:-1]])
        rise[present] = np.where(values >= before, values - before, values)
    return rises
