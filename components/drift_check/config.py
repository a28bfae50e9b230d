"""What the drift check is told: how sure to be, and which changes are too small to matter."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

from components.errors import UserError


@dataclass(frozen=True, slots=True)
class DriftConfig:
    """Settings of the three tests.

    `false_discovery_rate` is the share of false ones among all alarms of one check. A change is
    only drift when it is clearly beyond its floor: factors for rate, variability, CPU per request,
    memory and latency; an absolute share for SLO violations. Values are averaged over blocks of
    `block_s`, longer than a resize or a start-up lasts. `live` lists the workloads (namespace/name)
    on which the policy acts: their outcome is held against what validation promised.
    """

    false_discovery_rate: float = 0.01
    block_s: int = 150
    rate_factor: float = 1.25
    variability_factor: float = 1.6
    cpu_factor: float = 1.2
    memory_factor: float = 1.25
    latency_factor: float = 1.5
    violation_share: float = 0.1
    meta_train_factor: float = 4.0
    live: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not 0 < self.false_discovery_rate < 1:
            raise UserError(
                f"false_discovery_rate is {self.false_discovery_rate}; give a share from 0 to 1"
            )
        if self.block_s < 60:
            raise UserError(f"block_s is {self.block_s}; give at least 60 seconds")
        for field in fields(self):
            value = getattr(self, field.name)
            if field.name.endswith("_factor") and not (value > 1 and math.isfinite(value)):
                raise UserError(f"{field.name} is {value}; give a factor above 1")
        if not 0 < self.violation_share < 1:
            raise UserError(f"violation_share is {self.violation_share}; give a share from 0 to 1")
