"""The decision: may the policy leave the incumbent's shadow?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from components.cluster.compiled import FloatArray
from components.policy.statistics import lower_bound, upper_bound

# Public clouds sell one core-hour for about nine GiB-hours (general-purpose containers, 2026).
GIB_PER_CORE = 9.0


@dataclass(frozen=True, slots=True)
class Criteria:
    """What the gate asks for.

    `violation_margin`: how much larger the share of violating steps may be (0.01: one percentage
    point). `kill_margin_per_h`: how many more OOM kills an hour. `cost_margin`: how much dearer, as
    a share, a policy may be that is better by reward alone. `confidence`: of each one-sided bound.
    """

    violation_margin: float = 0.01
    kill_margin_per_h: float = 0.1
    cost_margin: float = 0.02
    confidence: float = 0.95


@dataclass(frozen=True, slots=True)
class Scores:
    """One controller's results in the same N situations as its opponent's, pair by pair.

    violation [N]: share of steps. reward [N]. core_hours, gib_hours [N]: requested.
    kills_per_h [N]: OOM kills.
    """

    violation: FloatArray
    reward: FloatArray
    core_hours: FloatArray
    gib_hours: FloatArray
    kills_per_h: FloatArray

    @property
    def cost(self) -> FloatArray:
        """Core-hours with memory added at what it costs, [N]."""
        return self.core_hours + self.gib_hours / GIB_PER_CORE


@dataclass(frozen=True, slots=True)
class Check:
    """One of the gate's questions: the mean difference, its bound, and what it had to beat."""

    name: str
    difference: float
    bound: float
    limit: float
    passed: bool


@dataclass(frozen=True, slots=True)
class Verdict:
    """The decision, the checks it rests on, and the same in plain words."""

    accepted: bool
    checks: tuple[Check, ...]
    reasons: tuple[str, ...]


def judge(policy: Scores, incumbent: Scores, criteria: Criteria) -> Verdict:
    """Compares the policy with the tuned incumbent, pair by pair.

    Accepted when its violations and its OOM kills are non-inferior (the upper bound of the mean
    difference is below the margin) and its reward or its cost is strictly better (a bound on the
    right side of zero). The last two share the allowed error, so that two chances are not twice
    the luck (Bonferroni). A better reward alone doesn't buy a dearer policy: its cost must be
    non-inferior too, or its violations strictly fewer.
    """
    confidence = criteria.confidence
    either = 1.0 - (1.0 - confidence) / 2.0
    violation = policy.violation - incumbent.violation
    reward = policy.reward - incumbent.reward
    saving = (incumbent.cost - policy.cost) / incumbent.cost
    kills = policy.kills_per_h - incumbent.kills_per_h
    worst, most_kills = upper_bound(violation, confidence), upper_bound(kills, confidence)
    gain, saved = lower_bound(reward, either), lower_bound(saving, either)
    dearer = upper_bound(-saving, confidence)
    fair = dearer < criteria.cost_margin or worst < 0.0
    margin, kill_margin = criteria.violation_margin, criteria.kill_margin_per_h
    checks = (
        Check("violation", float(violation.mean()), worst, margin, worst < margin),
        Check("reward", float(reward.mean()), gain, 0.0, gain > 0.0),
        Check("cost", float(saving.mean()), saved, 0.0, saved > 0.0),
        Check("oom_kills", float(kills.mean()), most_kills, kill_margin, most_kills < kill_margin),
        Check("price", float(-saving.mean()), dearer, criteria.cost_margin, fair),
    )
    safe = checks[0].passed and checks[3].passed
    better = checks[1].passed and checks[4].passed
    accepted = safe and (better or checks[2].passed)
    reasons = (
        _violation_reason(policy, incumbent, checks[0], confidence),
        _reward_reason(policy, incumbent, checks[1], either),
        _cost_reason(policy, incumbent, checks[2], either),
        _kills_reason(policy, incumbent, checks[3], confidence),
        _price_reason(checks[4], worst, confidence),
    )
    return Verdict(accepted, checks, reasons)


def judge_all(
    policy: Scores, incumbents: Mapping[str, Scores], criteria: Criteria
) -> tuple[str, Verdict]:
    """The verdict against the hardest of several incumbents, by its name.

    Accepted only when the policy passes against each, so the verdict shown is a refusal where
    there is one, else the one with the least gain in reward. Passing all of several tests is
    stricter than any of them and needs no correction (intersection-union test).
    """
    verdicts = {name: judge(policy, scores, criteria) for name, scores in incumbents.items()}
    hardest = min(
        verdicts, key=lambda name: (verdicts[name].accepted, verdicts[name].checks[1].difference)
    )
    return hardest, verdicts[hardest]


def gap_closed(policy: FloatArray, start: FloatArray, bound: FloatArray) -> float | None:
    """The share of the way from the mean of `start` to that of `bound` that `policy` has gone.

    Rewards, each [N], of the same situations. None where there is no way to go: the bound is less
    than .002 of reward above the start, which is below what can be told from noise.
    """
    way = float(np.mean(bound) - np.mean(start))
    return float(np.mean(policy) - np.mean(start)) / way if way >= 0.002 else None


def _violation_reason(policy: Scores, incumbent: Scores, check: Check, confidence: float) -> str:
    ours, theirs = 100 * policy.violation.mean(), 100 * incumbent.violation.mean()
    side = "at most" if check.bound >= 0 else "at least"
    return (
        f"SLO violations: {ours:.2f} % of the time, {theirs:.2f} % under the incumbent. With"
        f" {100 * confidence:g} % confidence the policy has {side} {_points(check.bound)}; up to"
        f" {_points(check.limit)} is allowed: {'passed' if check.passed else 'failed'}."
    )


def _points(share: float) -> str:
    """A difference of shares, in words ("0.40 points more")."""
    return f"{abs(100 * share):.2f} points {'more' if share >= 0 else 'fewer'}"


def _reward_reason(policy: Scores, incumbent: Scores, check: Check, confidence: float) -> str:
    return (
        f"Reward: {policy.reward.mean():.3f}, {incumbent.reward.mean():.3f} under the incumbent."
        f" With {100 * confidence:g} % confidence the difference is above {check.bound:+.4f}:"
        f" {'better' if check.passed else 'not proved better'}."
    )


def _cost_reason(policy: Scores, incumbent: Scores, check: Check, confidence: float) -> str:
    return (
        f"Cost: {policy.cost.mean():.3f} core-hours (with memory at {GIB_PER_CORE:g} GiB a core),"
        f" {incumbent.cost.mean():.3f} under the incumbent. With {100 * confidence:g} % confidence"
        f" the saving is above {100 * check.bound:+.1f} %:"
        f" {'cheaper' if check.passed else 'not proved cheaper'}."
    )


def _kills_reason(policy: Scores, incumbent: Scores, check: Check, confidence: float) -> str:
    return (
        f"OOM kills an hour: {policy.kills_per_h.mean():.2f}, {incumbent.kills_per_h.mean():.2f}"
        f" under the incumbent. With {100 * confidence:g} % confidence the difference is below"
        f" {check.bound:+.2f}; up to {check.limit:+.2f} is allowed:"
        f" {'passed' if check.passed else 'failed'}."
    )


def _price_reason(check: Check, most_violations: float, confidence: float) -> str:
    side = "at most" if check.bound >= 0 else "at least"
    dearer = f"{abs(100 * check.bound):.1f} % {'dearer' if check.bound >= 0 else 'cheaper'}"
    fewer = "violations are strictly fewer" if most_violations < 0.0 else "violations are not fewer"
    return (
        f"Price of a better reward: with {100 * confidence:g} % confidence the policy is {side}"
        f" {dearer}, and its {fewer}; where they are not, up to {100 * check.limit:g} % dearer is"
        f" allowed: {'passed' if check.passed else 'failed'}."
    )
