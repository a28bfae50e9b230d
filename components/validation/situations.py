"""What the controllers are judged on, and what the incumbents are tuned on: never the same data.

A situation is one workload in one possible world: parameters of its service, a trace of request
rates, the chance in arrivals and metrics, and the allocation that is in force when it begins.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from components.cluster.compiled import FloatArray
from components.cluster.limits import clip_allocation, limits_of
from components.cluster.noise import draw_noise
from components.cluster.rates import filled, resampled_rates
from components.cluster.reward import INTERVAL_STEPS
from components.cluster.tuning import Scenarios
from components.cluster.twin import Twin
from components.policy.likely_rates import likely_rates
from components.policy.measured import MeasuredWorkload
from components.validation.config import ValidationConfig
from components.workload.spec import Workload

# What a stream of random numbers is for; the workload's name makes it its own, so that a
# workload's verdict doesn't depend on which others are validated with it.
TUNING, JUDGING, FITTING, BOUND = 1, 2, 3, 4


@dataclass(frozen=True, slots=True)
class Case:
    """One workload as measured, with the twins fitted to the two parts of its telemetry.

    `judged_on` says in words which twin `held_out_twin` is.
    """

    measured: MeasuredWorkload
    training_twin: Twin
    held_out_twin: Twin
    judged_on: str

    @property
    def workload(self) -> Workload:
        """Its spec."""
        return self.measured.workload

    @property
    def usual_allocation(self) -> FloatArray:
        """Replicas, millicores and bytes [1, 3] in force in the median step of training."""
        return clip_allocation(self.measured.usual_allocation[None], limits_of([self.workload]))


@dataclass(frozen=True, slots=True)
class Situations:
    """W workloads x S seeds x R traces as B rows, in this order.

    parameters [B, P], limits [B, L], rates [B, T] per second, noise [B, T, N], allocation [B, 3].
    """

    parameters: FloatArray
    limits: FloatArray
    rates: FloatArray
    noise: FloatArray
    allocation: FloatArray

    def part(self, rows: slice) -> Situations:
        """Some of the situations."""
        return Situations(
            self.parameters[rows],
            self.limits[rows],
            self.rates[rows],
            self.noise[rows],
            self.allocation[rows],
        )


def stream(config: ValidationConfig, purpose: int, key: str, seed: int = 0) -> np.random.Generator:
    """The random numbers of one workload, purpose and repetition."""
    return np.random.default_rng([config.seed, purpose, zlib.crc32(key.encode()), seed])


def draw_situations(cases: Sequence[Case], config: ValidationConfig) -> Situations:
    """The held-out situations.

    Each (seed, trace) draws its own member of the twin that was fitted to the held-out telemetry,
    its own noise and its own rates. The first trace of a seed is the held-out part as measured,
    continued by blocks of itself where it is shorter than a trace; the others are strung together
    from its blocks.
    """
    steps = config.decisions * INTERVAL_STEPS
    parameters, rates, noise = [], [], []
    for case in cases:
        measured = filled(case.measured.held_out["request_rate_per_s"].to_numpy(dtype=np.float64))
        for seed in range(config.seeds):
            rng = stream(config, JUDGING, case.workload.key, seed)
            members = case.held_out_twin.members
            parameters.append(members[rng.integers(len(members), size=config.traces)])
            resampled = resampled_rates(rng, measured, config.traces - 1, steps)
            rates.append(np.vstack([_measured_trace(rng, measured, steps), resampled]))
            noise.append(draw_noise(rng, steps, config.traces))
    each = config.seeds * config.traces
    return Situations(
        parameters=np.concatenate(parameters),
        limits=np.repeat(limits_of([case.workload for case in cases]), each, axis=0),
        rates=np.concatenate(rates),
        noise=np.concatenate(noise),
        allocation=np.repeat(np.vstack([case.usual_allocation for case in cases]), each, axis=0),
    )


def _measured_trace(rng: np.random.Generator, measured: FloatArray, steps: int) -> FloatArray:
    """One trace [1, steps]: the measured rates, or a stretch of them where they are longer."""
    spare = len(measured) - steps
    if spare >= 0:
        start = int(rng.integers(spare + 1))
        return measured[None, start : start + steps]
    more = resampled_rates(rng, measured, 1, -spare)
    return np.concatenate([measured[None, :], more], axis=1)


def tuning_scenarios(cases: Sequence[Case], config: ValidationConfig) -> Scenarios:
    """What the incumbents are tuned on: the training part's twin and blocks of its rates."""
    steps = config.decisions * INTERVAL_STEPS
    parameters, rates, noise = [], [], []
    for case in cases:
        rng = stream(config, TUNING, case.workload.key)
        members = case.training_twin.members
        parameters.append(members[np.arange(config.tuning_traces) % len(members)])
        measured = case.measured.training_rates_per_s
        rates.append(likely_rates(rng, measured, config.tuning_traces, steps, config.level_spread))
        noise.append(draw_noise(rng, steps, config.tuning_traces))
    return Scenarios(
        parameters=np.stack(parameters),
        limits=limits_of([case.workload for case in cases]),
        rates=np.stack(rates),
        noise=np.stack(noise),
    )
