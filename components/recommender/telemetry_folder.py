"""Telemetry from a folder into which something else writes: a Parquet file for each workload."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from components.errors import UserError
from components.recommender.telemetry_source import Recent, recent_of
from components.workload.spec import Workload
from components.workload.telemetry import read_telemetry, telemetry_file

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class TelemetryFolder:
    """Reads the folder anew each time; a TelemetrySource."""

    folder: Path

    def recent(self, workloads: Sequence[Workload], now_s: float) -> Recent:
        """What the files that can be read say up to `now_s`; the others are logged."""
        frames = {}
        now = pd.Timestamp(now_s, unit="s", tz="UTC")
        for workload in workloads:
            try:
                frame = read_telemetry(telemetry_file(self.folder, workload))
            except UserError as error:
                _log.warning("%s", error)
                continue
            frames[workload.key] = frame[frame["time"] <= now]
        return recent_of(frames, workloads)
