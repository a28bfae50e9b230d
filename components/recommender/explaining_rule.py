"""What moved a policy's proposal: each feature of the rule's memory replaced, one at a time.

The rule is asked again for all features and workloads in one batch. What a feature is replaced
by is its value in calm: the usual rate, no rise, no remembered peak, the twin's CPU a request,
latency as aimed at, no saturation, memory that doesn't move, no OOM kill.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from components.cluster.compiled import FloatArray, compiled, contiguous
from components.policy.rule import (
    DEMAND_MS,
    DOWN_WAIT_MIN,
    INTERVAL_MIN,
    MEMORY_LATEST,
    MEMORY_PEAK,
    MEMORY_VARIABILITY,
    OOM_FLOOR,
    RATE,
    RATE_PEAK,
    SATURATED,
    SLACK_BOOST,
    TREND,
    act_one,
)

_MIB = 2.0**20
# Name, unit, the unit in the memory's own, where the rule remembers it.
RULE_FEATURES: tuple[tuple[str, str, float, int], ...] = (
    ("request rate", "1/s", 1.0, RATE),
    ("rise of the rate", "1/s each s", 1.0, TREND),
    ("remembered peak rate", "1/s", 1.0, RATE_PEAK),
    ("CPU a request", "ms", 1.0, DEMAND_MS),
    ("capacity for missed latency", "", 1.0, SLACK_BOOST),
    ("saturation", "", 1.0, SATURATED),
    ("remembered memory peak", "MiB", _MIB, MEMORY_PEAK),
    ("variability of memory", "", 1.0, MEMORY_VARIABILITY),
    ("floor after an OOM kill", "MiB", _MIB, OOM_FLOOR),
)
_LOAD = 0


@dataclass(frozen=True, slots=True)
class Effects:
    """values, calm [N, F]: each feature and what it is compared with; moved [N, F, 3]."""

    values: FloatArray
    calm: FloatArray
    moved: FloatArray


def rule_effects(
    memory: FloatArray,
    rules: FloatArray,
    limits: FloatArray,
    current: FloatArray,
    usual_rate_per_s: FloatArray,
    usual_demand_ms: FloatArray,
) -> Effects:
    """The effects of RULE_FEATURES on the proposals of N rules.

    memory [N, R] after the decision, rules [N, K], limits [N, L], current [N, 3], usual_* [N].
    """
    before = memory.copy()
    # The decision counted a minute of waiting: it is asked again as it was. A wait that it ended
    # is over for the other answers too.
    before[:, DOWN_WAIT_MIN] = np.maximum(before[:, DOWN_WAIT_MIN] - INTERVAL_MIN, 0.0)
    places = [place for *_, place in RULE_FEATURES]
    calm = np.zeros((len(memory), len(places)))
    for feature, place in enumerate(places):
        calm[:, feature] = _calm(before, place, usual_rate_per_s, usual_demand_ms)
    asked = np.repeat(before[None], len(places) + 1, axis=0)
    for feature, place in enumerate(places):
        asked[feature, :, place] = calm[:, feature]
    # The load is one thing: its level, its rise and its peak fall together.
    asked[_LOAD, :, RATE_PEAK] = np.minimum(before[:, RATE_PEAK], usual_rate_per_s)
    asked[_LOAD, :, TREND] = 0.0
    answers = np.empty((*asked.shape[:2], 3))
    for turn in range(len(asked)):
        act_rows(
            asked[turn], contiguous(rules), contiguous(limits), contiguous(current), answers[turn]
        )
    moved = np.moveaxis(answers[-1] - answers[:-1], 0, 1)
    scales = np.array([scale for *_, scale, _ in RULE_FEATURES])
    return Effects(before[:, places] / scales, calm / scales, moved)


def _calm(
    memory: FloatArray, place: int, usual_rate_per_s: FloatArray, usual_demand_ms: FloatArray
) -> FloatArray:
    usual = {
        RATE: usual_rate_per_s,
        RATE_PEAK: memory[:, RATE],
        DEMAND_MS: usual_demand_ms,
        MEMORY_PEAK: memory[:, MEMORY_LATEST],
    }
    return usual.get(place, np.zeros(len(memory)))


@compiled
def act_rows(
    memory: FloatArray, rules: FloatArray, limits: FloatArray, current: FloatArray, out: FloatArray
) -> None:
    """act_one of each row; memory is overwritten."""
    for row in range(memory.shape[0]):
        act_one(memory[row], rules[row], limits[row], current[row], out[row])
