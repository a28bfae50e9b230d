"""Request rates of real services, where the folder of public traces is there."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from components.cluster.compiled import FloatArray

FOLDER = Path(__file__).resolve().parents[2].parent / "shared" / "data"
_FUNCTIONS = "azure_functions_2019/azure2019_invitro1350_inv_per_min.csv.gz"
_MINUTES = 1440
_STEPS_PER_MIN = 4
_LEAST_PER_MIN = 20.0
_HIGHEST = 4.0


def real_rates(folder: Path = FOLDER) -> FloatArray | None:
    """Rates [N, 4 * 1440] at 15 s, each with mean 1 and at most four; None without the folder.

    Of the Azure functions (one day, by minute) those with at least 20 invocations in a mean
    minute and some in nine of ten; of the cloud services with a value a minute, each whole day.
    Between two minutes the rate is interpolated.
    """
    path = folder / _FUNCTIONS
    if not path.exists():
        return None
    functions = pd.read_csv(path).iloc[:, 1:].to_numpy(dtype=np.float64)
    busy = (functions.mean(axis=1) >= _LEAST_PER_MIN) & ((functions > 0.0).mean(axis=1) >= 0.9)
    days = [functions[busy][:, :_MINUTES]]
    for series in sorted((folder / "ms_cloud_monitoring").glob("*/*.csv.gz")):
        values = pd.read_csv(series)["Value"].interpolate().bfill().to_numpy(dtype=np.float64)
        if len(values) >= 10 * _MINUTES:
            days.append(values[: len(values) // _MINUTES * _MINUTES].reshape(-1, _MINUTES))
    minutes = np.concatenate(days)
    fine = np.arange(_MINUTES * _STEPS_PER_MIN) / _STEPS_PER_MIN
    rates = np.stack([np.interp(fine, np.arange(_MINUTES), day) for day in minutes])
    rates = rates[rates.mean(axis=1) > 0.0]
    for _ in range(3):
        rates /= rates.mean(axis=1, keepdims=True)
        np.minimum(rates, _HIGHEST, out=rates)
    return rates
