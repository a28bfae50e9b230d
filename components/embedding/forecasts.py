"""How well the encoder foresees the next interval, beside saying that nothing changes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from components.agent.encoder import Encoder
from components.agent.encoder_training import forecast_errors
from components.cluster.compiled import FloatArray
from components.cluster.observation import OBSERVATION_FIELDS
from components.policy.measured import MeasuredWorkload


def synthetic_forecast(encoder: Encoder, observations: FloatArray) -> dict[str, Any]:
    """Errors on pasts of applications that the encoder hasn't seen, [B, T, O]."""
    return _entry(encoder, *forecast_errors(encoder, observations))


def telemetry_forecast(encoder: Encoder, workloads: Sequence[MeasuredWorkload]) -> dict[str, Any]:
    """Errors on the workloads' held-out parts, each workload counting the same.

    The encoder reads the training part first, as it would in use; only the intervals after it
    are counted.
    """
    errors = [
        forecast_errors(encoder, known.observations[None], known.training_intervals)
        for known in workloads
        if len(known.observations) > known.training_intervals
    ]
    foreseen, persisted = (np.mean(column, axis=0) for column in zip(*errors, strict=True))
    return _entry(encoder, foreseen, persisted)


def _entry(encoder: Encoder, foreseen: FloatArray, persisted: FloatArray) -> dict[str, Any]:
    names = [OBSERVATION_FIELDS[column] for column in encoder.shape.predicted_columns]
    return {
        "encoder": float(foreseen.mean()),
        "persistence": float(persisted.mean()),
        "fields": {
            name: {"encoder": float(ours), "persistence": float(other)}
            for name, ours, other in zip(names, foreseen, persisted, strict=True)
        },
    }
