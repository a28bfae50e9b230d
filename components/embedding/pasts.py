"""Pasts that the encoder learns from and is judged on: of synthetic applications and workloads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from components.agent.encoder_training import Trajectories
from components.agent.histories import parameters_unit, simulated_histories
from components.cluster.applications import sample_applications
from components.cluster.compiled import FloatArray
from components.cluster.observation import observations_of_telemetry
from components.cluster.parameters import PARAMETER_COUNT
from components.errors import UserError
from components.workload.spec import Workload, load_workloads
from components.workload.telemetry import read_telemetry, split, telemetry_file

# Real telemetry counts for as much as this share of the synthetic pasts.
_REAL_SHARE = 0.15
_WINDOWS_PER_LENGTH = 4


@dataclass(frozen=True, slots=True)
class KnownWorkload:
    """A workload and its telemetry, cut in two by time, with the observations of all of it.

    observations: [T, O], one a decision interval; the first `training_intervals` are of the
        training part.
    """

    workload: Workload
    training: pd.DataFrame
    held_out: pd.DataFrame
    observations: FloatArray
    training_intervals: int


def known_workloads(dataset: Path) -> tuple[KnownWorkload, ...]:
    """The workloads of an ingested dataset.

    Raises UserError when a file is missing or damaged, or a recording is too short to learn from.
    """
    return tuple(
        _known(workload, read_telemetry(telemetry_file(dataset, workload)))
        for workload in load_workloads(dataset / "workloads.yaml")
    )


def synthetic_pasts(count: int, intervals: int, rng: np.random.Generator) -> Trajectories:
    """Pasts of so many synthetic applications, with the parameters that made them."""
    parameters, limits, rates = sample_applications(rng, count)
    return Trajectories(
        observations=simulated_histories(parameters, limits, rates, intervals, rng),
        parameters_unit=parameters_unit(parameters),
    )


def with_telemetry(
    synthetic: Trajectories, workloads: Sequence[KnownWorkload], rng: np.random.Generator
) -> Trajectories:
    """The synthetic pasts and windows of the workloads' training parts.

    A window is as long as a synthetic past; a workload whose training part is shorter gives none.
    """
    intervals = synthetic.observations.shape[1]
    windows = [
        known.observations[start : start + intervals]
        for known in workloads
        for start in _starts(known.training_intervals, intervals)
    ]
    if not windows:
        return synthetic
    wanted = int(_REAL_SHARE * len(synthetic.observations))
    chosen = rng.integers(len(windows), size=wanted)
    unknown = np.full((wanted, PARAMETER_COUNT), np.nan)
    return Trajectories(
        observations=np.concatenate([synthetic.observations, np.stack(windows)[chosen]]),
        parameters_unit=np.concatenate([synthetic.parameters_unit, unknown]),
    )


def _known(workload: Workload, frame: pd.DataFrame) -> KnownWorkload:
    try:
        training, held_out = split(frame)
    except ValueError as error:
        raise UserError(f"{workload.key}: {error}; record for longer") from error
    observations = observations_of_telemetry(frame, workload)
    training_intervals = len(observations_of_telemetry(training, workload))
    if training_intervals < 2:
        raise UserError(
            f"{workload.key}: the training part has {training_intervals} minutes; record for longer"
        )
    return KnownWorkload(workload, training, held_out, observations, training_intervals)


def _starts(length: int, intervals: int) -> range:
    return range(0, length - intervals + 1, max(intervals // _WINDOWS_PER_LENGTH, 1))
