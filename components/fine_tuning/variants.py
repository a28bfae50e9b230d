"""The worlds that a workload's rule is searched in: members of its twin under likely rates."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from components.cluster.compiled import FloatArray
from components.cluster.rates import synthetic_rates
from components.cluster.reward import INTERVAL_STEPS
from components.cluster.twin import Twin
from components.fine_tuning.config import FineTuningConfig
from components.fine_tuning.members import Applications, likely_members
from components.policy.likely_rates import likely_rates
from components.policy.measured import MeasuredWorkload


@dataclass(frozen=True, slots=True)
class Variants:
    """V worlds of one workload: simulator parameters [V, P] and rates [V, T] per second."""

    parameters: FloatArray
    rates_per_s: FloatArray


def variants_of(
    measured: MeasuredWorkload,
    twin: Twin,
    config: FineTuningConfig,
    population: Applications,
    rng: np.random.Generator,
) -> Variants:
    """Services that it may be (members.py), under rates like those of the training part.

    Most traces are block-bootstrap samples of what was measured, so that its rhythm stays, each
    at a level of its own; the rest is synthetic at the measured mean, for what a short recording
    didn't happen to show.

    Raises UserError when no rate was measured.
    """
    rates = measured.training_rates_per_s
    steps = config.decisions * INTERVAL_STEPS
    mean = np.full(config.synthetic_variants, rates.mean())
    traces = [likely_rates(rng, rates, config.resampled_variants, steps, config.level_spread)]
    if config.synthetic_variants:
        traces.append(synthetic_rates(rng, config.synthetic_variants, steps, mean))
    # In random order, so that those held back are like the others.
    rows = rng.permutation(np.concatenate(traces))
    members = likely_members(measured, twin, population, config.fits, len(rows), rng)
    return Variants(parameters=members, rates_per_s=rows)
