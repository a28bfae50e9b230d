"""What the incumbent and the policy propose for all workloads, each in one batched call."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from components.cluster.compiled import FloatArray
from components.cluster.hpa import HPA_MEMORY_COUNT, reset_hpa
from components.cluster.limits import CPU_M
from components.cluster.vpa import HISTORY_COUNT
from components.policy.rule import RULE_STATE_COUNT
from components.policy.rule_parameters import RULE_COUNT
from components.policy.serving import incumbent_rows, rule_rows
from components.recommender.alignment import aligned
from components.recommender.policies import LoadedPolicy
from components.recommender.subject_rows import SubjectRows
from components.recommender.telemetry_batch import Batch


@dataclass(slots=True)
class Proposals:
    """What each proposes [B, 3], NaN where it proposes nothing.

    `new_steps` [B]: how many steps of telemetry weren't seen before.
    """

    incumbent: FloatArray
    policy: FloatArray
    new_steps: FloatArray


@dataclass(slots=True)
class _Rows:
    """What the controllers remember of each workload, one row each."""

    hpa: FloatArray
    history: FloatArray
    rule: FloatArray
    seen_s: FloatArray
    incumbent: FloatArray
    policy: FloatArray


class Controllers:
    """The incumbent rule and the policies of all workloads, with what they remember between ticks.

    A workload that is new, also after a restart, starts with an empty memory: its VPA then waits
    out the usual 12 h before it shrinks anything within its bounds, and its HPA the 300 s window.
    """

    def __init__(self) -> None:
        self._keys: list[str] = []
        self._digests: list[str] = []
        self._rows = _empty(0)

    def propose(
        self,
        keys: list[str],
        rows: SubjectRows,
        policies: Mapping[str, LoadedPolicy],
        batch: Batch,
    ) -> Proposals:
        """Proposals for the workloads `keys` [B], in whose order rows and batch are."""
        digests = [policies[key].digest if key in policies else "" for key in keys]
        self._align(keys, digests, rows.current)
        mine = self._rows
        new_steps = batch.new_steps(mine.seen_s)
        incumbent_rows(
            mine.hpa,
            mine.history,
            batch.samples,
            batch.known,
            new_steps,
            rows.limits,
            rows.incumbent,
            rows.current,
            mine.incumbent,
        )
        incumbent = mine.incumbent.copy()
        incumbent[:, CPU_M] = np.where(
            np.isnan(rows.fixed_cpu_m), rows.current[:, CPU_M], rows.fixed_cpu_m
        )
        rule_rows(
            mine.rule,
            self._rules(keys, policies),
            batch.samples,
            new_steps,
            rows.limits,
            rows.current,
            mine.policy,
        )
        mine.seen_s = np.maximum(mine.seen_s, batch.end_s)
        return Proposals(incumbent, mine.policy.copy(), new_steps)

    def _rules(self, keys: list[str], policies: Mapping[str, LoadedPolicy]) -> FloatArray:
        """The rules [B, K], NaN in rows without a policy."""
        rules = np.full((len(keys), RULE_COUNT), np.nan)
        rows = [row for row, key in enumerate(keys) if key in policies]
        if rows:
            rules[rows] = np.stack([policies[keys[row]].rule for row in rows])
        return rules

    def _align(self, keys: list[str], digests: list[str], current: FloatArray) -> None:
        """Rows in the order of `keys`; new ones empty, those of gone workloads dropped."""
        before = self._keys
        if keys != before:
            known = set(before)
            fresh = _empty(len(keys))
            for row, key in enumerate(keys):
                if key not in known:
                    reset_hpa(fresh.hpa[row], float(current[row, 0]))
            for name in _Rows.__slots__:
                rows = aligned(getattr(self._rows, name), before, keys, getattr(fresh, name))
                setattr(fresh, name, rows)
            old = dict(zip(before, self._digests, strict=True))
            self._digests = [old.get(key, "") for key in keys]
            self._keys, self._rows = keys, fresh
        for row, digest in enumerate(digests):
            if digest != self._digests[row]:
                self._rows.rule[row] = 0.0
                self._rows.policy[row] = np.nan
        self._digests = digests


def _empty(count: int) -> _Rows:
    return _Rows(
        hpa=np.zeros((count, HPA_MEMORY_COUNT)),
        history=np.zeros((count, HISTORY_COUNT)),
        rule=np.zeros((count, RULE_STATE_COUNT)),
        seen_s=np.full(count, -np.inf),
        incumbent=np.full((count, 3), np.nan),
        policy=np.full((count, 3), np.nan),
    )
