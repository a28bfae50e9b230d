"""What a policy has watched of each workload when it takes over, from the telemetry."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from components.cluster import sample as smp
from components.cluster.compiled import FloatArray
from components.cluster.reward import INTERVAL_STEPS
from components.cluster.telemetry_samples import telemetry_samples
from components.policy.measured import MeasuredWorkload

# An hour: enough for all that a rule remembers but a memory peak of the day before.
MOST_WATCHED_STEPS = 240


def watched(measured: Sequence[MeasuredWorkload]) -> FloatArray:
    """The end of each workload's training part as samples [B, MOST_WATCHED_STEPS, M].

    Whole decision intervals; where the training part is shorter, the first rows are NaN.
    """
    rows = np.full((len(measured), MOST_WATCHED_STEPS, smp.SAMPLE_COUNT), np.nan)
    for row, one in enumerate(measured):
        samples, _ = telemetry_samples(one.training, one.workload)
        steps = min(len(samples) // INTERVAL_STEPS * INTERVAL_STEPS, MOST_WATCHED_STEPS)
        rows[row, MOST_WATCHED_STEPS - steps :] = samples[len(samples) - steps :]
    return rows
