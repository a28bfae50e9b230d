"""Rows of what is remembered, brought into the order of this tick's workloads."""

from __future__ import annotations

from collections.abc import Sequence

from components.cluster.compiled import FloatArray


def aligned(
    rows: FloatArray, before: Sequence[str], keys: Sequence[str], fresh: FloatArray
) -> FloatArray:
    """The rows of the workloads `before`, in the order of `keys`.

    A workload that wasn't there keeps its row of `fresh`, which is overwritten and returned; one
    that has gone is dropped. The rows themselves where the order is the same.
    """
    if before == keys:
        return rows
    places = {key: row for row, key in enumerate(before)}
    known = [(row, places[key]) for row, key in enumerate(keys) if key in places]
    fresh[[here for here, _ in known]] = rows[[there for _, there in known]]
    return fresh
