"""Pasts that the encoder learns from and is judged on: of synthetic applications and workloads."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from components.agent.encoder_training import Trajectories
from components.agent.histories import parameters_unit, simulated_histories
from components.cluster.applications import sample_applications
from components.cluster.parameters import EVERY_SERVICE_COUNT
from components.policy.measured import MeasuredWorkload

# Real telemetry counts for as much as this share of the synthetic pasts: more of it, and an hour of
# a few workloads is learned by heart.
_REAL_SHARE = 0.1
_WINDOWS_PER_LENGTH = 4
_LEAST_INTERVALS = 8


def past_intervals(workloads: Sequence[MeasuredWorkload], most: int) -> int:
    """How long the encoder's pasts are: `most`, or the longest training part where that is less.

    Never below 8 intervals: shorter pasts show nothing of a workload's kind.
    """
    longest = max(known.training_intervals for known in workloads)
    return max(min(most, longest), _LEAST_INTERVALS)


def synthetic_pasts(count: int, intervals: int, rng: np.random.Generator) -> Trajectories:
    """Pasts of so many synthetic applications, with the parameters that made them."""
    parameters, limits, rates = sample_applications(rng, count)
    return Trajectories(
        observations=simulated_histories(parameters, limits, rates, intervals, rng),
        parameters_unit=parameters_unit(parameters),
    )


def with_telemetry(
    synthetic: Trajectories, workloads: Sequence[MeasuredWorkload], rng: np.random.Generator
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
    unknown = np.full((wanted, EVERY_SERVICE_COUNT), np.nan)
    return Trajectories(
        observations=np.concatenate([synthetic.observations, np.stack(windows)[chosen]]),
        parameters_unit=np.concatenate([synthetic.parameters_unit, unknown]),
    )


def _starts(length: int, intervals: int) -> range:
    return range(0, length - intervals + 1, max(intervals // _WINDOWS_PER_LENGTH, 1))
