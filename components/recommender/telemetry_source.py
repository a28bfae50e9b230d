"""Where the recommender's telemetry comes from, as far as it has to know."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import pandas as pd

from components.cluster.compiled import FloatArray
from components.cluster.telemetry_samples import MEASURED_COLUMNS
from components.workload.spec import Workload
from components.workload.telemetry import times_ms

# Five minutes: enough for a rule that starts to see a rate and its trend.
STEPS = 20
_COLUMNS = frozenset(("time", *MEASURED_COLUMNS))


@dataclass(frozen=True, slots=True)
class Recent:
    """`values` [B, STEPS, C] in the order of MEASURED_COLUMNS, NaN for a gap, newest step last.

    `end_s` [B]: the time of the newest step, -inf where nothing is known.
    """

    values: FloatArray
    end_s: FloatArray


class TelemetrySource(Protocol):
    """Answers for all workloads at once, with one query per metric."""

    def recent(self, workloads: Sequence[Workload], now_s: float) -> Recent:
        """The telemetry of the last minutes before `now_s`, a row for each workload.

        Raises UserError or TemporaryError when the source can't be asked.
        """
        ...


def nothing_known(count: int) -> Recent:
    """What is known of so many workloads before anything was measured."""
    return Recent(np.full((count, STEPS, len(MEASURED_COLUMNS)), np.nan), np.full(count, -np.inf))


def recent_of(frames: Mapping[str, pd.DataFrame], workloads: Sequence[Workload]) -> Recent:
    """The last steps of telemetry frames by workload key.

    A frame that lacks a column or has no rows counts as absent.
    """
    recent = nothing_known(len(workloads))
    for row, workload in enumerate(workloads):
        frame = frames.get(workload.key)
        if frame is None or not len(frame) or not _COLUMNS.issubset(frame.columns):
            continue
        last = frame.iloc[-STEPS:]
        values = last[list(MEASURED_COLUMNS)].to_numpy(dtype=np.float64)
        recent.values[row, STEPS - len(last) :] = values
        recent.end_s[row] = times_ms(last)[-1] / 1000
    return recent
