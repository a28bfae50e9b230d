"""What one interval showed of the workloads that let a policy in, as the phases count it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from components.cluster import sample as smp
from components.cluster.compiled import FloatArray
from components.cluster.limits import MEMORY_BYTES
from components.cluster.reward import INTERVAL_STEPS
from components.recommender.decisions import Proposals
from components.recommender.guard_settings import GuardSettings
from components.recommender.phases import Seen
from components.recommender.policies import LoadedPolicy
from components.recommender.reversals import Reversals
from components.recommender.subject_rows import SubjectRows
from components.recommender.telemetry_batch import Batch, Flags
from components.recommender.violations import (
    expected_violations,
    measured_violations,
    memory_share,
    oom_kills,
)

# Where the kernel kills soon: a peak that only just went well.
NEAR_LIMIT = 0.95


@dataclass(slots=True)
class IntervalEvidence:
    """Keeps from one tick to the next what changes undo."""

    guard: GuardSettings
    reversals: Reversals = field(default_factory=Reversals)

    def of(
        self,
        keys: list[str],
        shadowed: Mapping[int, LoadedPolicy],
        rows: SubjectRows,
        batch: Batch,
        proposals: Proposals,
        now_s: float,
    ) -> Sequence[Seen]:
        """What this interval showed of each workload [B].

        `shadowed`: the policies in the shadow, by row.
        """
        turned = self.reversals.count(keys, rows.current)
        measured = measured_violations(batch, proposals.new_steps, rows.limits)
        kills = oom_kills(batch, proposals.new_steps)
        expected = _expected(shadowed, rows, batch, proposals)
        usable = self._usable(batch, proposals, now_s)
        share = memory_share(batch, proposals.new_steps)
        near = share * rows.current[:, MEMORY_BYTES] > NEAR_LIMIT * rows.memory_limit_bytes
        table = zip(
            measured.tolist(),
            expected.tolist(),
            usable.tolist(),
            kills.tolist(),
            turned.tolist(),
            near.tolist(),
            strict=True,
        )
        return [
            Seen(violation, wanted, fit, int(killed), int(turn), close)
            for violation, wanted, fit, killed, turn, close in table
        ]

    def _usable(self, batch: Batch, proposals: Proposals, now_s: float) -> Flags:
        """Whether each policy proposed numbers; with nothing to decide on it isn't at fault."""
        newest_s = np.minimum(batch.newest_s, batch.load_s)
        fresh = now_s - newest_s <= self.guard.stale_after_s
        numbers = np.isfinite(proposals.policy) & (proposals.policy > 0)
        usable: Flags = ~fresh | numbers.all(axis=1)
        return usable


def _expected(
    shadowed: Mapping[int, LoadedPolicy], rows: SubjectRows, batch: Batch, proposals: Proposals
) -> FloatArray:
    """What the twins expect of the policies in the shadow [B], NaN of all others."""
    expected = np.full(len(rows.current), np.nan)
    decided = np.isfinite(proposals.policy).all(axis=1) & np.isfinite(batch.load_s)
    decided &= proposals.new_steps >= 1
    asked = [row for row in shadowed if decided[row]]
    if asked:
        expected[asked] = expected_violations(
            np.stack([shadowed[row].twin for row in asked]),
            rows.limits[asked],
            proposals.policy[asked],
            batch.samples[asked, -INTERVAL_STEPS:, smp.REQUEST_RATE_PER_S],
        )
    return expected
