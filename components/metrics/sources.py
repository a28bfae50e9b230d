"""What a source of telemetry gave for one workload, wherever it came from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import pandas as pd

from components.workload.spec import Workload


@dataclass(frozen=True, slots=True)
class Taken:
    """One workload's frame on the grid, or None and why; and what was met on the way.

    `invalid` counts, by column, infinite and negative values (kept as missing); `missing_series`
    names, by column, the series that were asked for and aren't there. `duplicates` counts rows of
    a file that share a step, `counter_resets` resets of a Prometheus' counters, `pods` all that
    were seen, `copies` how often each series is there, `sample_age_s` how late samples came and
    `saturated_steps` those whose latency is beyond its histogram; None where the source can't tell.
    `new_images` are the times (ms since 1970) at which a new image began to run.
    """

    workload: Workload
    frame: pd.DataFrame | None
    problem: str = ""
    invalid: Mapping[str, int] = field(default_factory=dict)
    missing_series: Mapping[str, str] = field(default_factory=dict)
    latency_unit: str = "ms"
    duplicates: int | None = None
    counter_resets: int | None = None
    pods: int | None = None
    copies: float | None = None
    sample_age_s: float | None = None
    saturated_steps: int | None = None
    new_images: tuple[int, ...] = ()
    notes: tuple[str, ...] = ()
