"""What each way of scaling costs a month, from a run's validation figures and prices."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

HOURS_PER_MONTH = 730  # 365 * 24 / 12
# Google Compute Engine, N1 on demand, us-central1: the vCPU and the GiB of memory, an hour, in USD.
CORE_PRICE = 0.031611
GIB_PRICE = 0.004237


@dataclass(frozen=True, slots=True)
class Prices:
    """Of one core and one GiB of memory requested for an hour, in any one currency."""

    core: float = CORE_PRICE
    gib: float = GIB_PRICE

    def month(self, row: Mapping[str, Any]) -> float:
        """Return a month's cost of a validation row (its means are per hour)."""
        hour = self.core * row["core_hours"]["mean"] + self.gib * row["gib_hours"]["mean"]
        return HOURS_PER_MONTH * float(hour)


@dataclass(frozen=True, slots=True)
class Saving:
    """One workload: a month's cost under its default HPA, its incumbent and the policy."""

    key: str
    accepted: bool
    default: float
    incumbent: float
    policy: float

    @property
    def chosen(self) -> float:
        """Return the cost of what the verdict lets act; a refused policy costs nothing more."""
        return self.policy if self.accepted else self.incumbent

    @property
    def saved(self) -> float:
        """Return what the verdict saves against the incumbent; negative where it costs more."""
        return self.incumbent - self.chosen


def savings(workloads: Mapping[str, Mapping[str, Any]], prices: Prices) -> tuple[Saving, ...]:
    """Return a row for each entry of validation.json's workloads, sorted by name."""
    return tuple(_saving(key, workloads[key], prices) for key in sorted(workloads))


def _saving(key: str, entry: Mapping[str, Any], prices: Prices) -> Saving:
    rows, verdict = entry["rows"], entry["verdict"]
    return Saving(
        key=key,
        accepted=bool(verdict["accepted"]),
        default=prices.month(rows["hpa_default"]),
        incumbent=prices.month(rows[verdict["opponent"]]),
        policy=prices.month(rows["policy"]),
    )
