"""What a planner tries in a minute: allocations beside the rule's, and variants of the rule."""

from __future__ import annotations

import numpy as np

from components.cluster.compiled import FloatArray, contiguous
from components.policy import rule_parameters as rp
from components.policy.rule import RULE_PARAMETERS

# What is tried beside the rule's own choice: replicas added, factors of CPU and memory.
MOVES = np.array(
    [[0, 1, 1], [1, 1, 1], [-1, 1, 1], [0, 0.85, 1], [0, 1.15, 1], [0, 1, 0.92], [0, 1, 1.08],
     [1, 0.8, 1], [-1, 1.25, 1], [0, 0.92, 0.95], [0, 1.1, 1.05]]
)  # fmt: skip
# Rules that go on by themselves: which of the rule's parameters times what.
VARIANTS = (
    (rp.TARGET_UTILISATION, 0.85),
    (rp.TARGET_UTILISATION, 1.18),
    (rp.MEMORY_MARGIN, 0.5),
    (rp.MEMORY_MARGIN, 2.0),
    (rp.SCALE_DOWN_WAIT_MIN, 0.0),
    (rp.SCALE_DOWN_WAIT_MIN, 2.0),
    (rp.PEAK_WEIGHT, 0.85),
    (rp.PEAK_WEIGHT, 1.15),
)


def candidate_moves() -> FloatArray:
    """The moves [C, 3] of all candidates: those of the rule, then none for its variants."""
    return np.concatenate([MOVES, np.tile(MOVES[:1], (len(VARIANTS), 1))])


def candidate_rules(rules: FloatArray) -> FloatArray:
    """The rules [B, C, K] that go on after each candidate, of rules [B, K]."""
    each = np.repeat(contiguous(rules)[:, None], len(MOVES) + len(VARIANTS), axis=1)
    for index, (parameter, factor) in enumerate(VARIANTS, len(MOVES)):
        spec = RULE_PARAMETERS[parameter]
        each[:, index, parameter] = np.clip(factor * rules[:, parameter], spec.low, spec.high)
    return each
