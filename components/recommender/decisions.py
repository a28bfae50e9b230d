"""What the incumbent and the policy propose for all workloads, each in one batched call."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from components.cluster.compiled import FloatArray, contiguous
from components.cluster.hpa import HPA_MEMORY_COUNT, reset_hpa
from components.cluster.limits import CPU_M, limits_of
from components.cluster.vpa import HISTORY_COUNT
from components.policy.rule import RULE_STATE_COUNT
from components.policy.rule_parameters import RULE_COUNT
from components.policy.serving import incumbent_rows, rule_rows
from components.recommender.policies import LoadedPolicy
from components.recommender.subject import Subject
from components.recommender.telemetry_batch import Batch


@dataclass(slots=True)
class Proposals:
    """What each proposes [B, 3], NaN where it proposes nothing; `limits` [B, L]."""

    incumbent: FloatArray
    policy: FloatArray
    limits: FloatArray
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
        subjects: Sequence[Subject],
        policies: Mapping[str, LoadedPolicy],
        batch: Batch,
        current: FloatArray,
    ) -> Proposals:
        """Proposals for subjects [B] from a batch of the same order; current [B, 3] in force."""
        digests = [policies[item.key].digest if item.key in policies else "" for item in subjects]
        self._align([item.key for item in subjects], digests, current)
        rows = self._rows
        limits = limits_of([item.workload for item in subjects])
        new_steps = batch.new_steps(rows.seen_s)
        settings = np.array(
            [
                (
                    item.incumbent.cpu_target,
                    item.incumbent.memory_margin,
                    item.incumbent.memory_floor_bytes,
                )
                for item in subjects
            ]
        ).reshape(len(subjects), 3)
        incumbent_rows(
            rows.hpa,
            rows.history,
            batch.samples,
            batch.known,
            new_steps,
            limits,
            settings,
            contiguous(current),
            rows.incumbent,
        )
        fixed_cpu_m = np.array([item.incumbent.cpu_m for item in subjects])
        incumbent = rows.incumbent.copy()
        incumbent[:, CPU_M] = np.where(np.isnan(fixed_cpu_m), current[:, CPU_M], fixed_cpu_m)
        rules = np.full((len(subjects), RULE_COUNT), np.nan)
        for row, item in enumerate(subjects):
            if item.key in policies:
                rules[row] = policies[item.key].rule
        rule_rows(
            rows.rule, rules, batch.samples, new_steps, limits, contiguous(current), rows.policy
        )
        rows.seen_s = np.maximum(rows.seen_s, batch.end_s)
        return Proposals(incumbent, rows.policy.copy(), limits, new_steps)

    def _align(self, keys: list[str], digests: list[str], current: FloatArray) -> None:
        """Rows in the order of `keys`; new ones empty, those of gone workloads dropped."""
        if keys != self._keys:
            old = {key: row for row, key in enumerate(self._keys)}
            fresh = _empty(len(keys))
            known = [(row, old[key]) for row, key in enumerate(keys) if key in old]
            here, there = [row for row, _ in known], [row for _, row in known]
            for name in _Rows.__slots__:
                getattr(fresh, name)[here] = getattr(self._rows, name)[there]
            for row, key in enumerate(keys):
                if key not in old:
                    reset_hpa(fresh.hpa[row], float(current[row, 0]))
            self._digests = [self._digests[old[key]] if key in old else "" for key in keys]
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
