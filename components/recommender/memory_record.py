"""What the controllers remember of one workload, as a JSON document and back.

The VPA's histogram is the reason: a container whose need peaks once a day must keep its memory
over a restart of the recommender (VPA's own recommender stores checkpoints for this).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from components.cluster.compiled import FloatArray
from components.cluster.hpa import HPA_MEMORY_COUNT, RECOMMENDATIONS
from components.cluster.vpa import DAY_S, HISTORY_COUNT, MEMORY_BUCKETS, TIME_S, WINDOW_START_S
from components.policy.rule import RULE_STATE_COUNT

# A sample's weight doubles every day: long before 1,023 days the origin of time has to move.
_LONGEST_DAYS = 500
_KEPT_DAYS = 100


@dataclass(frozen=True, slots=True)
class Remembered:
    """One workload's rows: hpa [21], history [H], rule [R], incumbent [3], policy [3].

    `seen_s`: the newest step that went into them. `digest`: whose policy the rule's memory is of;
    `acting`: whether its decisions were followed then.
    """

    hpa: FloatArray
    history: FloatArray
    rule: FloatArray
    incumbent: FloatArray
    policy: FloatArray
    seen_s: float
    digest: str
    acting: bool = False


def to_document(remembered: Remembered) -> dict[str, Any]:
    """The record as JSON values; of the history only what isn't zero."""
    history = remembered.history
    places = np.flatnonzero(history)
    return {
        "hpa": remembered.hpa.tolist(),
        "history": [[int(place), float(history[place])] for place in places],
        "rule": remembered.rule.tolist(),
        "incumbent": _values(remembered.incumbent),
        "policy": _values(remembered.policy),
        "seen_s": remembered.seen_s,
        "digest": remembered.digest,
        "acting": remembered.acting,
    }


def from_document(document: Mapping[str, Any]) -> Remembered:
    """The record that to_document made; raises ValueError, KeyError or TypeError otherwise."""
    history = np.zeros(HISTORY_COUNT)
    for place, value in document["history"]:
        if not 0 <= place < HISTORY_COUNT:
            raise ValueError(f"a history has no place {place}")
        history[place] = value
    hpa = _row(document["hpa"], HPA_MEMORY_COUNT)
    if not 0 <= hpa[RECOMMENDATIONS] < RECOMMENDATIONS:
        raise ValueError("the place in the HPA's ring is outside of it")
    remembered = Remembered(
        hpa=hpa,
        history=with_time_moved(history),
        rule=_row(document["rule"], RULE_STATE_COUNT),
        incumbent=_row(document["incumbent"], 3),
        policy=_row(document["policy"], 3),
        seen_s=float(document["seen_s"]),
        digest=str(document["digest"]),
        # A record of before says nothing: a policy that is live must not begin anew.
        acting=bool(document.get("acting", True)),
    )
    finite = (remembered.hpa, remembered.history, remembered.rule, remembered.seen_s)
    if not all(np.isfinite(part).all() for part in finite) or (history < 0).any():
        raise ValueError("a number is not finite or below zero")
    return remembered


def with_time_moved(history: FloatArray) -> FloatArray:
    """The history [H] with its origin of time moved on, where it lies far back.

    All weights shrink by the same power of two: no percentile changes.
    """
    if history[TIME_S] < _LONGEST_DAYS * DAY_S:
        return history
    moved = history.copy()
    days = int(history[TIME_S] // DAY_S) - _KEPT_DAYS
    moved[TIME_S] -= days * DAY_S
    moved[WINDOW_START_S] -= days * DAY_S
    moved[MEMORY_BUCKETS:] *= 2.0**-days
    return moved


def _values(row: FloatArray) -> list[float | None]:
    return [float(value) if np.isfinite(value) else None for value in row]


def _row(values: list[float | None], count: int) -> FloatArray:
    row = np.array([np.nan if value is None else float(value) for value in values])
    if row.shape != (count,):
        raise ValueError(f"{len(values)} numbers where {count} belong")
    return row
