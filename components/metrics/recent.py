"""Telemetry of the last minutes, of all workloads at once, for what decides all the time.

One query a measure for all workloads, whatever their number; each answer is one page.
"""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from components.metrics.grid import STEP_MS, Grid
from components.metrics.scrape import MOST_STEPS, Client, queries_of, taken_of
from components.metrics.series import Measurements
from components.metrics.sources import Taken
from components.workload.spec import Workload

# Without these a workload's present state isn't known.
_NEEDED = ("request_rate_per_s", "cpu_usage_m", "memory_working_set_bytes", "replicas_ready")


class PrometheusTelemetry:
    """The latest telemetry of workloads from one Prometheus.

    A frame holds `window_steps` steps of 15 s; a rate is taken over `rate_window_s`.
    """

    def __init__(self, client: Client, window_steps: int, rate_window_s: int = 60) -> None:
        if not 1 <= window_steps <= MOST_STEPS:
            raise ValueError(f"window_steps is {window_steps}; give 1 to {MOST_STEPS}")
        self._client = client
        self._window_steps = window_steps
        self._rate_window_s = rate_window_s

    def recent(self, workloads: Sequence[Workload], now_ms: int) -> dict[str, pd.DataFrame | str]:
        """Return by workload key its frame [window_steps, columns] up to now, or why it has none.

        One workload's missing series leave the others' frames as they are. Raises what the
        client raises: UserError or TemporaryError.
        """
        if not workloads:
            return {}
        last_ms = now_ms // STEP_MS * STEP_MS
        grid = Grid(last_ms - STEP_MS * (self._window_steps - 1), self._window_steps)
        queries = queries_of(workloads, self._rate_window_s)
        measurements = Measurements(workloads, grid)
        for query in queries:
            measurements.add(query, self._client.over(query.text, grid))
        return {
            workload.key: _frame_or_reason(
                taken_of(workload, measurements.of(workload), grid, queries)
            )
            for workload in workloads
        }


def _frame_or_reason(taken: Taken) -> pd.DataFrame | str:
    assert taken.frame is not None
    for column in _NEEDED:
        if taken.frame[column].isna().all():
            series = taken.missing_series.get(column)
            return f"no {column} in the last steps{f' ({series} is absent)' if series else ''}"
    return taken.frame
