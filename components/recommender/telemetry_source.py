"""Where the recommender's telemetry comes from, as far as it has to know."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

import pandas as pd

from components.workload.spec import Workload


class TelemetrySource(Protocol):
    """Answers for all workloads at once, with one query per metric."""

    def recent(self, workloads: Sequence[Workload], now_s: float) -> Mapping[str, pd.DataFrame]:
        """The telemetry frame of the last minutes before `now_s` by workload key.

        A workload that nothing is known of is absent. Raises UserError or TemporaryError when
        the source can't be asked.
        """
        ...
