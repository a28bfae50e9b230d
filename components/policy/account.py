"""A rule in words: what each of its numbers is and means, and what the incumbent has in its place.

HPA and VPA have constants where the rule has parameters: HPA waits five minutes before it scales
down (its default stabilisation window), VPA's recommender forgets half of a memory peak in 24 hours
and answers an OOM kill with a fifth more memory (its defaults). An HPA holds no reserve, follows no
trend and no peak, and leaves the CPU size alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from components.cluster.vpa import HALF_LIFE_S, OOM_BUMP_RATIO
from components.policy.rule_parameters import RULE_PARAMETERS

# A value this near to a bound, as a share of its range, is said to be at it.
AT_BOUND = 0.02
# Of the incumbent: what is tuned for it, under its name, and its constants.
_TUNED = {"target_utilisation": "cpu_target", "memory_margin": "memory_margin"}
_CONSTANTS = {
    "trend_horizon_s": 0.0,
    "peak_weight": 0.0,
    "cpu_band": 0.0,
    "burst_reserve": 0.0,
    "scale_down_wait_min": 5.0,
    "memory_half_life_min": HALF_LIFE_S / 60.0,
    "oom_bump": OOM_BUMP_RATIO,
}


@dataclass(frozen=True, slots=True)
class AccountRow:
    """One parameter: its value and bounds in its unit, and where it stands between them.

    incumbent is what tuned HPA + VPA has in its place; None where it has nothing like it, or where
    none was given.
    """

    name: str
    value: float
    unit: str
    low: float
    high: float
    at_bound: str
    description: str
    incumbent: float | None = None


def account(
    values: Mapping[str, float], incumbent: Mapping[str, float] | None = None
) -> tuple[AccountRow, ...]:
    """The rows of a rule's named values, in the order of RULE_PARAMETERS.

    at_bound is "low", "high" or "" (a search that ends at a bound may have wanted more). incumbent
    are the settings of the HPA + VPA beside it, as validation.json has them. Raises KeyError when a
    parameter is missing.
    """
    beside = {} if incumbent is None else _counterparts(incumbent)
    return tuple(
        AccountRow(
            name=spec.name,
            value=float(values[spec.name]),
            unit=spec.unit,
            low=spec.low,
            high=spec.high,
            at_bound=_at_bound(float(values[spec.name]), spec.low, spec.high),
            description=spec.description,
            incumbent=beside.get(spec.name),
        )
        for spec in RULE_PARAMETERS
    )


def incumbent_line(incumbent: Mapping[str, float]) -> str:
    """The incumbent's own settings in a line, with units."""
    return (
        f"HPA at {100.0 * incumbent['cpu_target']:.0f} % of {incumbent['cpu_m']:.0f} m CPU"
        " requested,"
        f" VPA on memory with {100.0 * incumbent['memory_margin']:.0f} % margin"
    )


def _counterparts(incumbent: Mapping[str, float]) -> dict[str, float]:
    told = {name: float(incumbent[key]) for name, key in _TUNED.items() if key in incumbent}
    return dict(_CONSTANTS) | told


def _at_bound(value: float, low: float, high: float) -> str:
    if value <= low + AT_BOUND * (high - low):
        return "low"
    return "high" if value >= high - AT_BOUND * (high - low) else ""
