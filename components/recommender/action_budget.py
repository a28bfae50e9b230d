"""How many workloads may change at once: the last guard against one fault that hits all.

A wrong unit in a metric, a bad policy for everyone, a broken exporter: whatever makes every
workload want to shrink at the same moment is slowed to a pace at which it is noticed.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Change:
    """A workload (namespace/name) that wants to change.

    `shrinks`: whether anything of it shrinks. `since_s`: since when it has been waiting.
    """

    workload: str
    shrinks: bool
    since_s: float


@dataclass(frozen=True, slots=True)
class BudgetSettings:
    """The largest share of all workloads that may change, and shrink, in one tick; at least one."""

    changes: float = 1.0
    shrinks: float = 0.1
    fewest: int = 1


def within_budget(
    changes: Sequence[Change], workloads: int, settings: BudgetSettings
) -> frozenset[str]:
    """The workloads that may change in this tick, of `workloads` in all.

    What only grows comes first, then who has waited longest: of n that want to shrink all have
    had their turn after ceil(n / budget) ticks.
    """
    most = _count(workloads, settings.changes, settings)
    most_shrinks = _count(workloads, settings.shrinks, settings)
    allowed: list[str] = []
    shrinks = 0
    for change in sorted(changes, key=lambda item: (item.shrinks, item.since_s, item.workload)):
        if len(allowed) == most:
            break
        if change.shrinks and shrinks == most_shrinks:
            continue
        shrinks += change.shrinks
        allowed.append(change.workload)
    return frozenset(allowed)


def _count(workloads: int, share: float, settings: BudgetSettings) -> int:
    return max(settings.fewest, math.floor(workloads * share))
