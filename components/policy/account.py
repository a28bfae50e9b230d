"""A rule in words: what each of its numbers is and means, for reports and reviewers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from components.policy.rule_parameters import RULE_PARAMETERS

# A value this near to a bound, as a share of its range, is said to be at it.
AT_BOUND = 0.02


@dataclass(frozen=True, slots=True)
class AccountRow:
    """One parameter: its value and bounds in its unit, and where it stands between them."""

    name: str
    value: float
    unit: str
    low: float
    high: float
    at_bound: str
    description: str


def account(values: Mapping[str, float]) -> tuple[AccountRow, ...]:
    """The rows of a rule's named values, in the order of RULE_PARAMETERS.

    at_bound is "low", "high" or "" (a search that ends at a bound may have wanted more). Raises
    KeyError when a parameter is missing.
    """
    return tuple(
        AccountRow(
            name=spec.name,
            value=float(values[spec.name]),
            unit=spec.unit,
            low=spec.low,
            high=spec.high,
            at_bound=_at_bound(float(values[spec.name]), spec.low, spec.high),
            description=spec.description,
        )
        for spec in RULE_PARAMETERS
    )


def _at_bound(value: float, low: float, high: float) -> str:
    if value <= low + AT_BOUND * (high - low):
        return "low"
    return "high" if value >= high - AT_BOUND * (high - low) else ""
