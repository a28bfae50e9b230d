"""Telemetry from a folder into which something else writes: a Parquet file for each workload."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from components.errors import UserError
from components.workload.spec import Workload
from components.workload.telemetry import read_telemetry, telemetry_file

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class TelemetryFolder:
    """Reads the folder anew each time; a TelemetrySource."""

    folder: Path

    def recent(self, workloads: Sequence[Workload], now_s: float) -> Mapping[str, pd.DataFrame]:
        """The frames of the files that can be read, up to `now_s`; others are logged."""
        frames = {}
        now = pd.Timestamp(now_s, unit="s", tz="UTC")
        for workload in workloads:
            try:
                frame = read_telemetry(telemetry_file(self.folder, workload))
            except UserError as error:
                _log.warning("%s", error)
                continue
            frames[workload.key] = frame[frame["time"] <= now]
        return frames
