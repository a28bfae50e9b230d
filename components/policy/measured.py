"""A workload as it was measured: its telemetry cut in two by time, and what a policy sees of it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from components.cluster.compiled import FloatArray
from components.cluster.observation import observations_of_telemetry
from components.cluster.rates import filled
from components.cluster.reward import INTERVAL_STEPS
from components.errors import UserError
from components.workload.spec import Workload, load_workloads
from components.workload.telemetry import read_telemetry, split, telemetry_file

_LEAST_INTERVALS = 2
_ALLOCATION_COLUMNS = ("replicas_wanted", "cpu_request_m", "memory_request_bytes")


@dataclass(frozen=True, slots=True)
class MeasuredWorkload:
    """One workload of a dataset.

    training, held_out: the earlier and the later part of its telemetry. Whatever is learned,
        fitted or tuned may look at the first part only.
    observations: of both, [T, O], one a decision interval; the first `training_intervals` are of
        the training part.
    """

    workload: Workload
    training: pd.DataFrame
    held_out: pd.DataFrame
    observations: FloatArray
    training_intervals: int

    @property
    def past(self) -> FloatArray:
        """The observations of the training part as a batch of one, [1, T', O]."""
        return self.observations[None, : self.training_intervals]

    @property
    def training_rates_per_s(self) -> FloatArray:
        """Request rates of the training part's 15 s steps, gaps filled, [4 T'].

        Raises UserError when none was measured.
        """
        try:
            return filled(self.training["request_rate_per_s"].to_numpy())
        except UserError as error:
            raise UserError(f"{self.workload.key}: {error}") from error

    @property
    def usual_allocation(self) -> FloatArray:
        """Replicas, millicores and bytes in force in the median step of the training part, [3].

        The largest that is allowed where the telemetry doesn't say.
        """
        columns = self.training[list(_ALLOCATION_COLUMNS)].dropna(axis=1, how="all")
        median = columns.median().reindex(_ALLOCATION_COLUMNS).to_numpy(dtype=np.float64)
        bounds = self.workload.bounds
        largest = (bounds.replicas_max, bounds.cpu_max_m, bounds.memory_max_bytes)
        return np.where(np.isfinite(median), np.ceil(median), largest)


def measured_workloads(
    dataset: Path, only: Collection[str] | None = None
) -> tuple[MeasuredWorkload, ...]:
    """The workloads of an ingested dataset; where `only` is given, those with its keys.

    Raises UserError when a file is missing or damaged, or a recording is too short to learn from.
    """
    return tuple(
        _measured(workload, read_telemetry(telemetry_file(dataset, workload)))
        for workload in load_workloads(dataset / "workloads.yaml")
        if only is None or workload.key in only
    )


def _measured(workload: Workload, frame: pd.DataFrame) -> MeasuredWorkload:
    try:
        training, held_out = split(frame)
    except ValueError as error:
        raise UserError(f"{workload.key}: {error}; record for longer") from error
    intervals = len(training) // INTERVAL_STEPS
    if intervals < _LEAST_INTERVALS:
        raise UserError(
            f"{workload.key}: the training part has {intervals} minutes; record for longer"
        )
    observations = observations_of_telemetry(frame, workload)
    return MeasuredWorkload(workload, training, held_out, observations, intervals)
