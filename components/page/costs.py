"""What requests cost a month, from validation's figures and prices."""

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
        return self.monthly(float(row["core_hours"]["mean"]), float(row["gib_hours"]["mean"]))

    def monthly(self, cores: float, gib: float) -> float:
        """Return a month's cost of so many cores and GiB."""
        return HOURS_PER_MONTH * (self.core * cores + self.gib * gib)
