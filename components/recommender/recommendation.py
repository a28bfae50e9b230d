"""What is recommended for one workload, who decided it, and how the status says so."""

from __future__ import annotations

import math
from dataclasses import dataclass

from components.kubernetes_api.conditions import FALSE, TRUE, Condition
from components.kubernetes_api.names import (
    POLICY_ACTING,
    REASON_HELD,
    REASON_INCUMBENT,
    REASON_POLICY,
)
from components.recommender.allocation import Allocation, Proposal
from components.recommender.explanation import Explanation
from components.recommender.phase_state import CANARY, LIVE, PhaseState
from components.recommender.reasons import Reason
from components.recommender.subject import Subject

PROVIDED = "RecommendationProvided"
POLICY_LOADED = "PolicyLoaded"
# Why what was recommended last stays: there was nothing to decide on, or no usable decision.
HOLDING = frozenset(("TelemetryMissing", "TelemetryStale", "NoProposal", "InvalidProposal"))


@dataclass(frozen=True, slots=True)
class Recommendation:
    """`uncapped`: what was proposed before the guard, None where nothing was.

    `problem`: why the policy that the channel names can't be used; empty where it can.
    `explanation`: only of what is news.
    """

    subject: Subject
    target: Allocation
    uncapped: Proposal | None
    by_policy: bool
    reasons: tuple[Reason, ...]
    phase: PhaseState
    problem: str = ""
    explanation: Explanation | None = None

    @property
    def held(self) -> bool:
        """Whether the last good recommendation holds."""
        return any(reason.code in HOLDING for reason in self.reasons)

    def conditions(self) -> tuple[Condition, ...]:
        """RecommendationProvided, PolicyActing and, where there are some, the others."""
        who = REASON_POLICY if self.by_policy else REASON_INCUMBENT
        reason = REASON_HELD if self.held else who
        acting = self.phase.phase in (CANARY, LIVE)
        provided = Condition(PROVIDED, TRUE, reason, self._words())
        policy = Condition(
            POLICY_ACTING,
            TRUE if acting else FALSE,
            self.phase.phase,
            f"{self.phase.reason}: {self.phase.message}",
        )
        others = [self._loaded()] if self.subject.gate_open else []
        if self.explanation is not None:
            others.append(self.explanation.condition(who))
        return (provided, policy, *others)

    def _loaded(self) -> Condition:
        if not self.problem:
            return Condition(POLICY_LOADED, TRUE, "Loaded", "the channel could be followed")
        message = f"{self.problem}; what was loaded before stays, else the incumbent acts"
        return Condition(POLICY_LOADED, FALSE, "BundleRefused", message)

    def _words(self) -> str:
        target, settings = self.subject.incumbent.cpu_target, self.subject.incumbent
        who = (
            f"policy {self.phase.digest[:12]} decided"
            if self.by_policy
            else f"HPA at {target:.0%} CPU and VPA memory with margin"
            f" {settings.memory_margin:.0%} decided"
        )
        return "; ".join([who, *(reason.message for reason in self.reasons)])


def refusal(message: str) -> Condition:
    """The condition of an object that can't be decided on."""
    return Condition(PROVIDED, FALSE, "InvalidObject", message)


def is_number(proposal: Proposal | None) -> bool:
    """Whether every value of a proposal is finite and above zero."""
    return proposal is not None and all(
        math.isfinite(value) and value > 0 for value in proposal.values
    )
