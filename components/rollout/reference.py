"""What a policy's data looked like: the drift check and the guard compare the present with it."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
import pandas as pd

from components.workload.spec import Workload, dump_workloads
from components.workload.telemetry import COLUMNS, telemetry_bytes

QUANTILES = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)


def reference_statistics(frame: pd.DataFrame) -> dict[str, Any]:
    """JSON values for each telemetry column: {column: {missing, mean, deviation, quantiles}}.

    `missing` is a share of the rows; `deviation` is the population's; `quantiles` are at
    QUANTILES. A column without one value has only `missing`.
    """
    return {"quantiles_at": list(QUANTILES), "rows": len(frame)} | {
        column: _column_statistics(frame[column].to_numpy(dtype=np.float64)) for column in COLUMNS
    }


def training_data_digest(workload: Workload, frame: pd.DataFrame) -> str:
    """SHA-256 over the workload's spec and its telemetry."""
    digest = hashlib.sha256(dump_workloads((workload,)).encode())
    digest.update(telemetry_bytes(frame))
    return digest.hexdigest()


def _column_statistics(values: np.ndarray[Any, np.dtype[np.float64]]) -> dict[str, Any]:
    present = values[np.isfinite(values)]
    missing = 1.0 - present.size / values.size
    if not present.size:
        return {"missing": missing}
    return {
        "missing": missing,
        "mean": float(present.mean()),
        "deviation": float(present.std()),
        "quantiles": [float(value) for value in np.quantile(present, QUANTILES)],
    }
