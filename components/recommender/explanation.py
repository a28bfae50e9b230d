"""Why a recommendation is what it is: the features that moved it, and what it is expected to do."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

from components.kubernetes_api.conditions import TRUE, Condition

EXPLAINED = "Explained"
_MIB = 2.0**20
_GIB = 2.0**30


@dataclass(frozen=True, slots=True)
class Effect:
    """One feature: its value, what it is compared with, and what it moved.

    `replicas`, `cpu_m`, `memory_bytes`: what is proposed less what would be proposed if the
    feature had the other value and all else were as it is.
    """

    feature: str
    unit: str
    value: float
    compared_with: float
    replicas: float
    cpu_m: float
    memory_bytes: float

    def words(self) -> str:
        """For people: "request rate 120 1/s, not 50 1/s: +2 replicas"."""
        moved = [
            f"{self.replicas:+.0f} replicas" if self.replicas else "",
            f"{self.cpu_m:+.0f} m" if self.cpu_m else "",
            f"{self.memory_bytes / _MIB:+.0f} MiB" if self.memory_bytes else "",
        ]
        unit = f" {self.unit}" if self.unit else ""
        values = f"{self.value:.3g}{unit}, not {self.compared_with:.3g}{unit}"
        return f"{self.feature} {values}: {', '.join(part for part in moved if part)}"


@dataclass(frozen=True, slots=True)
class Outlook:
    """The share of violating steps that the twin expects, and what is requested in all.

    At what is recommended, and if all stayed as it is; violations are NaN without a twin.
    """

    violation: float
    violation_staying: float
    cores: float
    cores_staying: float
    memory_gib: float
    memory_gib_staying: float

    def words(self) -> str:
        """For people, as a difference."""
        cost = (
            f"{self.cores - self.cores_staying:+.2f} cores,"
            f" {self.memory_gib - self.memory_gib_staying:+.2f} GiB"
        )
        if math.isnan(self.violation):
            return f"{cost}; no twin to expect violations from"
        return (
            f"{cost}; violations expected {self.violation:.1%}, staying put"
            f" {self.violation_staying:.1%}"
        )


@dataclass(frozen=True, slots=True)
class Explanation:
    """`effects`: at most three, the largest first; none where nothing moved the proposal."""

    effects: tuple[Effect, ...]
    outlook: Outlook

    def condition(self, decided: str) -> Condition:
        """The condition that says it; `decided` is the reason of RecommendationProvided."""
        return Condition(EXPLAINED, TRUE, decided, self.words())

    def words(self) -> str:
        """For people, in one line."""
        moved = "; ".join(effect.words() for effect in self.effects)
        return (
            f"{moved or 'nothing moved the proposal'}; against staying put {self.outlook.words()}"
        )

    def to_document(self) -> dict[str, Any]:
        """The explanation as JSON values."""
        return {
            "effects": [asdict(effect) for effect in self.effects],
            "outlook": {
                name: None if math.isnan(value) else value
                for name, value in asdict(self.outlook).items()
            },
            "words": self.words(),
        }
