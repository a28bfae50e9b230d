"""Pasts of simulated applications under the allocations that incumbents give them.

Half of them were stepped through hand-made allocations, as a recording or a careless operator
does; the others were run by rules drawn at random from the whole box.
"""

from __future__ import annotations

import numpy as np

from components.cluster import limits as lim
from components.cluster import parameters as par
from components.cluster.compiled import FloatArray, contiguous
from components.cluster.limits import clip_allocation
from components.cluster.noise import draw_noise
from components.cluster.observation import OBSERVATION_COUNT, observe_series
from components.cluster.rates import synthetic_rates
from components.cluster.reward import INTERVAL_STEPS
from components.cluster.sample import SAMPLE_COUNT
from components.cluster.simulator import step
from components.cluster.state import initial_state
from components.policy.rule import RULE_COUNT, default_rule, from_unit, to_unit
from components.policy.rule_rollout import rollout_rule

_LONGEST_HOLD = 10
_RULE_SPREAD = 0.25


def simulated_histories(
    parameters: FloatArray,
    limits: FloatArray,
    mean_rates_per_s: FloatArray,
    intervals: int,
    rng: np.random.Generator,
) -> FloatArray:
    """Observations [B, T, O] of T decision intervals of each application.

    Args:
        parameters: of the simulator, [B, P].
        limits: [B, L].
        mean_rates_per_s: [B].
        intervals: T.
        rng: rates, noise, allocations and rules.
    """
    batch, steps = parameters.shape[0], intervals * INTERVAL_STEPS
    rates = synthetic_rates(rng, batch, steps, mean_rates_per_s)
    noise = draw_noise(rng, steps, batch)
    schedule = allocation_schedule(parameters, limits, mean_rates_per_s, intervals, rng)
    half = batch // 2
    stepped = _stepped(
        parameters[:half], limits[:half], rates[:half], noise[:half], schedule[:half]
    )
    unit = to_unit(default_rule()) + _RULE_SPREAD * rng.standard_normal((batch - half, RULE_COUNT))
    ruled = rollout_rule(
        from_unit(np.clip(unit, 0.0, 1.0)),
        parameters[half:],
        limits[half:],
        rates[half:],
        noise[half:],
        schedule[half:, 0],
        keep=True,
    )
    assert ruled.samples is not None
    return observe_batch(np.concatenate([stepped, ruled.samples]), limits)


def allocation_schedule(
    parameters: FloatArray,
    limits: FloatArray,
    mean_rates_per_s: FloatArray,
    intervals: int,
    rng: np.random.Generator,
) -> FloatArray:
    """Allocations [B, T, 3] held for some minutes each, from starving to generous.

    Replicas and CPU are drawn around what the mean rate needs, memory around what the service
    uses: allocations far from it would show little but failure or idleness.
    """
    batch = parameters.shape[0]
    shape = (batch, intervals)
    low, high = limits[:, None, lim.REPLICAS_MIN], limits[:, None, lim.REPLICAS_MAX]
    schedule = np.empty((batch, intervals, 3))
    replicas = np.round(low * (high / low) ** (rng.random(shape) ** 1.5))
    used_m = mean_rates_per_s * parameters[:, par.SERVICE_DEMAND_MS]
    utilisation = np.exp(rng.uniform(np.log(0.15), np.log(0.9), shape))
    memory = parameters[:, par.MEMORY_BASE_BYTES] + 0.25 * (
        parameters[:, par.MEMORY_PER_REQUEST_BYTES] * parameters[:, par.CONCURRENCY_LIMIT]
    )
    schedule[:, :, lim.REPLICAS] = _held(replicas, rng)
    wanted_m = used_m[:, None] / (_held(utilisation, rng) * schedule[:, :, lim.REPLICAS])
    schedule[:, :, lim.CPU_M] = wanted_m + parameters[:, None, par.IDLE_CPU_M]
    factor = np.exp(rng.uniform(0.0, np.log(2.5), shape))
    schedule[:, :, lim.MEMORY_BYTES] = memory[:, None] * _held(factor, rng)
    flat = clip_allocation(schedule.reshape(-1, 3), np.repeat(limits, intervals, axis=0))
    return flat.reshape(batch, intervals, 3)


def parameters_unit(parameters: FloatArray) -> FloatArray:
    """Simulator parameters [..., P] that every service has, in the unit box [..., K].

    From bound to bound, some by logarithm. The others are neutral in all that is synthetic.
    """
    specs = par.SERVICE_PARAMETERS[: par.EVERY_SERVICE_COUNT]
    parameters = parameters[..., : par.EVERY_SERVICE_COUNT]
    logarithmic = np.array([spec.log for spec in specs])
    low, high = par.lows(specs), par.highs(specs)
    # Where a value scales linearly its logarithm is unused, so any positive number will do.
    logs = [np.log(np.where(logarithmic, values, 1.0)) for values in (parameters, low, high)]
    by_log = (logs[0] - logs[1]) / np.where(logarithmic, logs[2] - logs[1], 1.0)
    unit: FloatArray = np.where(logarithmic, by_log, (parameters - low) / (high - low))
    return unit


def observe_batch(samples: FloatArray, limits: FloatArray) -> FloatArray:
    """Observations [B, T, O] of samples [B, 4 T, M] of workloads with limits [B, L]."""
    batch, steps, _ = samples.shape
    intervals = steps // INTERVAL_STEPS
    observations = np.zeros((batch, intervals, OBSERVATION_COUNT))
    missing = np.zeros(intervals)
    for row in range(batch):
        grouped = contiguous(samples[row].reshape(intervals, INTERVAL_STEPS, SAMPLE_COUNT))
        observe_series(grouped, missing, contiguous(limits[row]), observations[row])
    return observations


def _stepped(
    parameters: FloatArray,
    limits: FloatArray,
    rates: FloatArray,
    noise: FloatArray,
    schedule: FloatArray,
) -> FloatArray:
    """Samples [B, 4 T, M] of applications whose allocation follows schedule [B, T, 3]."""
    state = initial_state(parameters, limits, schedule[:, 0], rates[:, 0])
    samples = np.empty((*rates.shape, SAMPLE_COUNT))
    for index in range(rates.shape[1]):
        allocation = schedule[:, index // INTERVAL_STEPS]
        state, samples[:, index] = step(
            state, parameters, limits, allocation, rates[:, index], noise[:, index]
        )
    return samples


def _held(values: FloatArray, rng: np.random.Generator) -> FloatArray:
    """Values [B, T] of which each is held for 2 to 10 intervals."""
    held = values.copy()
    batch = values.shape[0]
    for row in range(batch):
        index = 0
        while index < values.shape[1]:
            until = index + int(rng.integers(2, _LONGEST_HOLD + 1))
            held[row, index:until] = values[row, index]
            index = until
    return held
