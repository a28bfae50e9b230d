"""One decision of the compiled guard, in the words of tests."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from components.cluster.compiled import FloatArray
from components.recommender.allocation import Allocation, Proposal, highest, lowest
from components.recommender.guard import Circumstances, guard
from components.recommender.guard_settings import GuardSettings
from components.recommender.guard_state import KEPT, empty_guard_states
from components.recommender.reasons import OTHER_OWNER, ROLLOUT_IN_PROGRESS, Reason, reasons_of
from components.workload.spec import Bounds
from tests.components.recommender.plain_guard import PlainEvidence as Evidence

__all__ = ["Evidence", "Guarded", "Situation", "guarded"]


@dataclass(frozen=True, slots=True)
class Situation:
    """All that one decision is guarded by."""

    now_s: float
    previous: Allocation
    bounds: Bounds
    evidence: Evidence
    rollout: bool = False
    owner: str = ""


@dataclass(frozen=True, slots=True)
class Guarded:
    """What may be recommended, why, and the state [1, G] afterwards."""

    allocation: Allocation
    reasons: tuple[Reason, ...]
    state: FloatArray

    @property
    def kept(self) -> int:
        """How many wanted allocations are remembered."""
        return int(self.state[0, KEPT])


def guarded(
    proposal: Proposal | None,
    situation: Situation,
    state: FloatArray | None,
    settings: GuardSettings,
) -> Guarded:
    """The guard for one workload; the state that is passed in stays as it is."""
    after = empty_guard_states(1) if state is None else state.copy()
    proposed = np.array([proposal.values if proposal else (np.nan,) * 3])
    hold = OTHER_OWNER if situation.owner else ROLLOUT_IN_PROGRESS if situation.rollout else 0
    allocations, told = guard(
        proposed,
        Circumstances(
            situation.now_s,
            np.array([situation.previous.values], dtype=np.float64),
            np.array([lowest(situation.bounds)], dtype=np.float64),
            np.array([highest(situation.bounds)], dtype=np.float64),
            evidence_row(situation.evidence)[None],
            np.array([float(hold)]),
        ),
        after,
        settings,
    )
    values = [int(value) for value in allocations[0]]
    reasons = reasons_of(told[0], proposed[0], situation.owner)
    return Guarded(Allocation(*values), reasons, after)


def evidence_row(evidence: Evidence) -> FloatArray:
    """The evidence as the guard reads it."""
    return np.array(
        [
            evidence.age_s,
            float(evidence.missing),
            float(evidence.out_of_distribution),
            evidence.working_set_bytes,
            evidence.cpu_usage_m,
        ]
    )
