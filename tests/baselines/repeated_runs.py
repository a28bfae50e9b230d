"""How far runs differ that a model can't tell apart: what is left of its error at best."""

from __future__ import annotations

import numpy as np
import pandas as pd

from components.cluster.compiled import FloatArray


def repeat_error(runs: pd.DataFrame, same: list[str], column: str) -> float:
    """Median relative error of predicting each run by the median of the others like it.

    Runs are alike that have the same values of `same`; one without another like it doesn't count.
    It is what knowing everything about the configuration leaves, but for the others being few.
    """
    errors: list[float] = []
    for _, group in runs.groupby(same):
        values = group[column].to_numpy(dtype=np.float64)
        if values.size > 1:
            others = [np.median(np.delete(values, index)) for index in range(values.size)]
            errors.extend(np.abs(np.array(others) / values - 1.0))
    return float(np.median(errors))


def neighbour_error(rows: pd.DataFrame, places: list[str], column: str) -> float:
    """The least median error of a smooth surface over `places`, by rows that lie side by side.

    Two rows at nearly the same place differ by the chance of both; a surface that were right
    would be off by that of one: their difference over the root of two. Where no two rows are at
    the same place, what the surface itself changes between them is counted too.
    """
    at = np.log(rows[places].to_numpy(dtype=np.float64))
    at = (at - at.mean(axis=0)) / at.std(axis=0)
    distance: FloatArray = np.linalg.norm(at[:, None] - at[None], axis=2)
    np.fill_diagonal(distance, np.inf)
    values = np.log(rows[column].to_numpy(dtype=np.float64))
    differences = np.abs(values - values[distance.argmin(axis=1)]) / np.sqrt(2.0)
    return float(np.median(np.expm1(differences)))


def rank_correlation(first: pd.Series, second: pd.Series) -> float:
    """Spearman's coefficient."""
    return float(first.corr(second, method="spearman"))
