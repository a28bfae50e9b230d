"""How good each workload's telemetry is, and whether it can be learned from (pure)."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from components.metrics.sources import Taken
from components.workload.telemetry import COLUMNS, STEP_S

# Without these, neither a twin can be fitted nor a policy judged.
REQUIRED = (
    "request_rate_per_s",
    "latency_ms",
    "cpu_usage_m",
    "memory_working_set_bytes",
    "replicas_ready",
    "cpu_request_m",
    "memory_request_bytes",
)
MOST_MISSING_SHARE = 0.5
FEWEST_STEPS = 8
# A series that says nothing for so long before the end has stopped: its target is gone or hangs.
STALE_S = 300
# A step counts as throttled when more than this share of its CFS periods was.
THROTTLED_RATIO = 0.05
# Counts of what seldom happens: that they stay at zero says nothing.
_COUNTS = ("oom_kills", "restarts")
_ADVICE = {
    "cpu_request_m": "; set a CPU request on the container",
    "memory_request_bytes": "; set a memory request on the container",
}


@dataclass(frozen=True, slots=True)
class Quality:
    """The quality report of one workload; shares are of all its steps.

    `ended_early_s` says of columns whose series ended before the others how long before the end.
    The counts that only a Prometheus can tell are None of a folder.
    """

    usable: bool
    reason: str
    first_time: str
    steps: int
    missing_share: dict[str, float]
    gaps: int
    longest_gap_s: int
    invalid: dict[str, int]
    duplicates: int | None
    counter_resets: int | None
    missing_series: dict[str, str]
    constant_columns: list[str]
    pods: int | None
    copies: float | None
    sample_age_s: float | None
    saturated_steps: int | None
    ended_early_s: dict[str, int]
    latency_unit: str
    throttled_steps: int
    oom_kills: int
    restarts: int
    notes: list[str]

    def to_json(self) -> dict[str, Any]:
        """Return the report as JSON's types."""
        return asdict(self)


def judge(taken: Taken) -> Quality:
    """Return the report of what was taken, with the verdict."""
    frame = taken.frame if taken.frame is not None else pd.DataFrame(columns=["time", *COLUMNS])
    missing = frame[list(COLUMNS)].isna()
    gaps = gap_lengths(frame[["request_rate_per_s", "cpu_usage_m"]].isna().all(axis=1).to_numpy())
    reason = taken.problem or unusable_reason(frame, taken)
    return Quality(
        usable=not reason,
        reason=reason,
        first_time=frame["time"].iloc[0].isoformat() if len(frame) else "",
        steps=len(frame),
        missing_share={
            column: round(float(missing[column].mean()), 4) if len(frame) else 1.0
            for column in COLUMNS
        },
        gaps=len(gaps),
        longest_gap_s=STEP_S * max(gaps, default=0),
        invalid=dict(taken.invalid),
        duplicates=taken.duplicates,
        counter_resets=taken.counter_resets,
        missing_series=dict(taken.missing_series),
        constant_columns=[
            column for column in COLUMNS if column not in _COUNTS and _is_constant(frame[column])
        ],
        pods=taken.pods,
        copies=taken.copies,
        sample_age_s=taken.sample_age_s,
        saturated_steps=taken.saturated_steps,
        ended_early_s=ended_early(frame),
        latency_unit=taken.latency_unit,
        throttled_steps=int((frame["cpu_throttled_ratio"] > THROTTLED_RATIO).sum()),
        oom_kills=round(float(frame["oom_kills"].sum())),
        restarts=round(float(frame["restarts"].sum())),
        notes=list(taken.notes),
    )


def unusable_reason(frame: pd.DataFrame, taken: Taken) -> str:
    """Return why nothing can be learned from the frame, or an empty text."""
    if len(frame) < FEWEST_STEPS:
        return f"{len(frame)} steps of {STEP_S} s are too few (at least {FEWEST_STEPS})"
    rate = frame["request_rate_per_s"]
    for column in REQUIRED:
        values = frame[column]
        if values.isna().all():
            series = taken.missing_series.get(column)
            absent = f" ({series} is absent)" if series else ""
            return f"no {column} at all{absent}{_ADVICE.get(column, '')}"
        # Latency is unknown while nobody asks.
        asked = values[(rate > 0) | rate.isna()] if column == "latency_ms" else values
        share = float(asked.isna().mean()) if len(asked) else 1.0
        if share > MOST_MISSING_SHARE:
            notes = "; ".join(taken.notes)
            return (
                f"{column} is missing in {share:.0%} of the steps{f' ({notes})' if notes else ''}"
            )
        if column == "request_rate_per_s" and not (values > 0).any():
            return "there was no request in all this time"
    return ""


def ended_early(frame: pd.DataFrame) -> dict[str, int]:
    """Return, by column with values, for how many seconds it had none before the frame's end."""
    ended = {}
    for column in COLUMNS:
        present = np.flatnonzero(frame[column].notna().to_numpy())
        # Latency ends with the requests, limits and errors may be taken away.
        if present.size and column in REQUIRED and column != "latency_ms":
            without = STEP_S * (len(frame) - 1 - int(present[-1]))
            if without > STALE_S:
                ended[column] = without
    return ended


def gap_lengths(absent: npt.NDArray[np.bool_]) -> list[int]:
    """Return the length in steps of each run of absent steps [T]."""
    edges = np.diff(np.concatenate([[False], absent, [False]]).astype(np.int8))
    begins, ends = np.flatnonzero(edges == 1), np.flatnonzero(edges == -1)
    return [int(length) for length in ends - begins]


def _is_constant(values: pd.Series) -> bool:
    present = values.dropna()
    return len(present) > 1 and bool((present == present.iloc[0]).all())
