"""What the incumbent and the policy propose for all workloads, each in one batched call."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from components.cluster.compiled import FloatArray
from components.cluster.hpa import HPA_MEMORY_COUNT, reset_hpa
from components.cluster.limits import CPU_M, MEMORY_BYTES
from components.cluster.vpa import AGE_S, HISTORY_COUNT, TIME_S
from components.policy.rule import RULE_STATE_COUNT
from components.policy.rule_parameters import RULE_COUNT
from components.policy.serving import hand_over_rows, incumbent_rows, rule_rows
from components.recommender.alignment import aligned
from components.recommender.memory_record import Remembered
from components.recommender.policies import LoadedPolicy
from components.recommender.subject_rows import SubjectRows
from components.recommender.telemetry_batch import Batch, Flags
from components.workload.telemetry import STEP_S


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
    """What the controllers remember of each workload, one row each.

    acting [B]: 1 where the policy's decisions were followed at the last tick.
    """

    hpa: FloatArray
    history: FloatArray
    rule: FloatArray
    seen_s: FloatArray
    incumbent: FloatArray
    policy: FloatArray
    acting: FloatArray


class Controllers:
    """The incumbent rule and the policies of all workloads, with what they remember between ticks.

    A workload that is new starts with an empty memory: its VPA then waits out the usual 12 h
    before it shrinks anything within its bounds, and its HPA the 300 s window. What a restart must
    not lose is recalled from a store.
    """

    def __init__(self) -> None:
        self._keys: list[str] = []
        self._digests: list[str] = []
        self._rows = _empty(0)
        self._places: dict[str, int] = {}

    def align(self, keys: list[str], current: FloatArray) -> dict[str, Remembered]:
        """Brings the rows into the order of `keys` [B]; current [B, 3] is in force.

        New workloads have an empty memory; returns those of the ones that have gone.
        """
        before = self._keys
        if keys == before:
            return {}
        here, known = set(keys), set(before)
        gone = {key: self.remembered(key) for key in before if key not in here}
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
        self._places = {key: row for row, key in enumerate(keys)}
        return {key: item for key, item in gone.items() if item is not None}

    def recall(self, memories: Mapping[str, Remembered]) -> None:
        """Puts stored memories of aligned workloads into their rows."""
        for key, item in memories.items():
            row = self._places[key]
            for name in _Rows.__slots__:
                getattr(self._rows, name)[row] = getattr(item, name)
            self._digests[row] = item.digest

    def remembered(self, key: str) -> Remembered | None:
        """What is remembered of one workload; None before its first step was seen."""
        row = self._places[key]
        if not np.isfinite(self._rows.seen_s[row]):
            return None
        parts = {name: getattr(self._rows, name)[row].copy() for name in _Rows.__slots__}
        parts["seen_s"] = float(parts["seen_s"])
        parts["acting"] = bool(parts["acting"])
        return Remembered(**parts, digest=self._digests[row])

    def rule_memory(self, rows: list[int]) -> FloatArray:
        """What the rules of some of the rows remember [N, R]."""
        memory: FloatArray = self._rows.rule[rows]
        return memory

    def propose(
        self,
        rows: SubjectRows,
        policies: Mapping[str, LoadedPolicy],
        batch: Batch,
        unread: Flags,
    ) -> Proposals:
        """Proposals for the aligned workloads [B], in whose order rows and batch are.

        Memory doesn't shrink where `unread` [B]: what was learned of it isn't known yet.
        """
        mine = self._rows
        rules = self._rules(policies)
        new_steps = batch.new_steps(mine.seen_s)
        self._pass_silence(batch.end_s, new_steps)
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
            rules,
            mine.acting,
            batch.samples,
            new_steps,
            rows.limits,
            rows.current,
            mine.policy,
        )
        # A rule that was led to what is no number begins anew.
        mine.rule[~np.isfinite(mine.rule).all(axis=1)] = 0.0
        policy: FloatArray = np.where(np.isnan(rules[:, :1]), np.nan, mine.policy)
        for proposed in (incumbent, policy):
            _keep_memory(proposed, rows.current, unread)
        mine.seen_s = np.maximum(mine.seen_s, batch.end_s)
        return Proposals(incumbent, policy, new_steps)

    def hand_over(
        self,
        acting: Flags,
        rows: SubjectRows,
        policies: Mapping[str, LoadedPolicy],
        proposals: Proposals,
        unread: Flags,
    ) -> None:
        """Lets the policies that act from now on begin as training lets them.

        acting [B]: whose decisions are followed. The proposals of those that weren't before are
        made anew; `unread` [B] as in `propose`.
        """
        mine = self._rows
        begins: Flags = acting & (mine.acting == 0.0)
        mine.acting[:] = acting
        if not begins.any():
            return
        first = mine.policy.copy()
        rules = self._rules(policies)
        hand_over_rows(
            mine.rule, rules, begins.astype(np.float64), rows.limits, rows.current, first
        )
        begins &= ~np.isnan(rules[:, 0])
        mine.policy[begins] = first[begins]
        _keep_memory(first, rows.current, unread)
        proposals.policy[begins] = first[begins]

    def _pass_silence(self, end_s: FloatArray, new_steps: FloatArray) -> None:
        """Lets the time pass in the VPA's histories for which there are no samples."""
        with np.errstate(invalid="ignore"):
            silence_s = end_s - self._rows.seen_s - new_steps * STEP_S
        passed_s = np.where(np.isfinite(silence_s), np.maximum(silence_s, 0.0), 0.0)
        self._rows.history[:, TIME_S] += passed_s
        self._rows.history[:, AGE_S] += passed_s

    def _rules(self, policies: Mapping[str, LoadedPolicy]) -> FloatArray:
        """The rules [B, K], NaN in rows without a policy; a new rule has seen nothing yet."""
        rules = np.full((len(self._keys), RULE_COUNT), np.nan)
        for row, key in enumerate(self._keys):
            policy = policies.get(key)
            if policy is None:
                continue
            rules[row] = policy.rule
            if policy.digest != self._digests[row]:
                self._digests[row] = policy.digest
                self._rows.rule[row] = 0.0
                self._rows.policy[row] = np.nan
                self._rows.acting[row] = 0.0
        return rules


def _keep_memory(proposed: FloatArray, current: FloatArray, where: Flags) -> None:
    """Raises the memory of proposals [B, 3] to what is in force, in some of the rows."""
    least = np.maximum(proposed[:, MEMORY_BYTES], current[:, MEMORY_BYTES])
    proposed[:, MEMORY_BYTES] = np.where(where, least, proposed[:, MEMORY_BYTES])


def _empty(count: int) -> _Rows:
    return _Rows(
        hpa=np.zeros((count, HPA_MEMORY_COUNT)),
        history=np.zeros((count, HISTORY_COUNT)),
        rule=np.zeros((count, RULE_STATE_COUNT)),
        seen_s=np.full(count, -np.inf),
        incumbent=np.full((count, 3), np.nan),
        policy=np.full((count, 3), np.nan),
        acting=np.zeros(count),
    )
