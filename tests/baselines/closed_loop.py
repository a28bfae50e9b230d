"""The simulator's station under closed-loop load: so many users, each waiting for its answer.

The throughput X solves users = X (think + R(X)), R being the station's mean time at the rate X;
where even the capacity leaves users over, they queue and X is the capacity. Three numbers that
the simulator lacks are fitted here: users' pauses, the share of the CPU limit that the program
can use (measured CPU stays at .8 of the limit however many users wait), and the share of the
memory limit that a JVM's heap takes (it is sized by the limit).

Another garbage collector is another program, in CPU as in memory: collectors with rows enough
are fitted each by itself.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.optimize import least_squares

from components.cluster.compiled import FloatArray
from components.cluster.queueing import station

MEASURED = ("throughput_rps", "resp_ms", "cpu_usage_cores", "mem_usage_mb", "p99_ms")
# demand in ms, its variability, pause in ms, usable share, cores, memory in MB, p99 over mean, heap
START = np.array([1.0, 0.5, 100.0, 0.85, 4.0, 400.0, 3.0, 0.05])
LOW = np.array([0.02, 0.02, 0.01, 0.3, 0.5, 20.0, 1.0, 0.001])
HIGH = np.array([50.0, 8.0, 5000.0, 1.0, 64.0, 20_000.0, 50.0, 1.0])
# Fewer rows of a collector than this don't tell its numbers.
LEAST_ROWS = 5
_SLOTS = 4096.0
_CORES = 4
START_CORES = (1.2, 4.0)
_HALVINGS = 40


@dataclass(frozen=True, slots=True)
class ClosedLoopFit:
    """Fitted numbers as START and the log errors of predicted over measured, [rows, 5]."""

    values: FloatArray
    errors: FloatArray


def predict(values: FloatArray, rows: pd.DataFrame) -> FloatArray:
    """What MEASURED should be, [rows, 5], at each row's limits with its users."""
    demand_ms, variability, pause_ms, share, cores, memory_mb, tail, heap = values
    predicted = np.empty((len(rows), len(MEASURED)))
    heaps_mb = heap * rows["mem_limit_mb"].to_numpy(dtype=np.float64)
    limits, users = rows["cpu_limit_cores"].to_numpy(), rows["load"].to_numpy()
    for row, (limit, count) in enumerate(zip(limits, users, strict=True)):
        quota = share * limit
        rate = closed_rate(count, quota, demand_ms * 1e-3, variability, pause_ms * 1e-3, cores)
        response_ms = 1e3 * count / rate - pause_ms
        cpu_cores, held_mb = rate * demand_ms * 1e-3, memory_mb + heaps_mb[row]
        predicted[row] = (rate, response_ms, cpu_cores, held_mb, tail * response_ms)
    return predicted


def closed_rate(
    users: float, quota: float, demand_s: float, variability: float, pause_s: float, cores: float
) -> float:
    """Throughput per second of so many users; by bisection, as the demand for it falls with it."""
    most = min(quota, cores) / demand_s
    low, high = 0.0, most
    for _ in range(_HALVINGS):
        rate = 0.5 * (low + high)
        mean, _, _, _ = station(rate, quota, demand_s, variability, 0.0, max(cores, 1.0), _SLOTS)
        if rate * (pause_s + mean) < users:
            low = rate
        else:
            high = rate
    return max(low, 1e-6)


def fit_closed_loop(rows: pd.DataFrame) -> FloatArray:
    """The values that predict the rows best; robust least squares over logarithms.

    From each of START_CORES anew: above all limits the cores change nothing, so that a search
    which begins there never finds a program, or a machine, that can't use its CPU limit.
    """

    def residuals(logs: FloatArray) -> FloatArray:
        errors = log_errors(np.exp(logs), rows)
        known = np.nan_to_num(errors, nan=0.0) / 0.1
        return np.concatenate([known.ravel(), (logs - np.log(start)) / 2.0])

    start = START.copy()
    start[0] = _demand_ms(rows)
    if rows["mem_usage_mb"].notna().any():
        start[5] = rows["mem_usage_mb"].median()
    found = []
    for cores in START_CORES:
        begun = start.copy()
        begun[_CORES] = cores
        found.append(
            least_squares(
                residuals,
                np.log(np.clip(begun, 1.01 * LOW, 0.99 * HIGH)),
                bounds=(np.log(LOW), np.log(HIGH)),
                loss="soft_l1",
                max_nfev=60,
            )
        )
    fitted: FloatArray = np.exp(min(found, key=lambda each: float(each.cost)).x)
    return fitted


def log_errors(values: FloatArray, rows: pd.DataFrame) -> FloatArray:
    """Log of predicted over measured, [rows, 5]; NaN where nothing was measured."""
    predicted = predict(values, rows)
    measured = rows[list(MEASURED)].to_numpy(dtype=np.float64)
    errors: FloatArray = np.log(np.maximum(predicted, 1e-9) / measured)
    return errors


def held_out_errors(training: pd.DataFrame, held_out: pd.DataFrame) -> FloatArray:
    """log_errors [rows, 5] of held-out rows, each by the fit to its own collector's training rows.

    A collector with fewer than LEAST_ROWS of them is predicted by the fit to all.
    """
    errors = log_errors(fit_closed_loop(training), held_out)
    for collector, known in training.groupby("gc"):
        own = (held_out["gc"] == collector).to_numpy(dtype=bool)
        if len(known) >= LEAST_ROWS and own.any():
            errors[own] = log_errors(fit_closed_loop(known), held_out[own])
    return errors


def _demand_ms(rows: pd.DataFrame) -> float:
    """CPU time of a request; where CPU wasn't measured, as if all of the limit had been used."""
    used = rows["cpu_usage_cores"].fillna(0.8 * rows["cpu_limit_cores"])
    return float(1e3 * (used / rows["throughput_rps"]).median())
