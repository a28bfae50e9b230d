"""What each way of scaling costs a month, from a run's validation figures and prices."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from components.page.costs import Prices


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
