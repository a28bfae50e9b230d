"""Synthetic applications: services of believable sizes to learn from before any was measured."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from components.cluster import limits as lim
from components.cluster import parameters as par
from components.cluster.compiled import FloatArray
from components.cluster.distributions import gamma_quantile, normal_quantile, sum_of_gammas
from components.cluster.parameters import GIB, MIB
from components.cluster.queueing import station


@dataclass(frozen=True, slots=True)
class SizeClass:
    """Ranges of one size of service; sampled by their logarithm."""

    share: float
    cpu_max_m: tuple[float, float]
    demand_ms: tuple[float, float]
    wait_ms: tuple[float, float]
    parallelism: tuple[float, float]
    replicas_max: tuple[float, float]
    memory_base: tuple[float, float]
    startup_s: tuple[float, float]


# Small Python services, services of a few cores, and big ones (JVM, inference) up to 16 cores.
SIZE_CLASSES: tuple[SizeClass, ...] = (
    SizeClass(
        0.45, (250, 900), (3, 25), (0.5, 40), (1, 1.5), (3, 8), (20 * MIB, 200 * MIB), (2, 20)
    ),
    SizeClass(0.3, (900, 4000), (2, 60), (0.5, 80), (1, 4), (3, 16), (80 * MIB, GIB), (4, 45)),
    SizeClass(
        0.25, (4000, 16000), (1, 200), (0.5, 200), (2, 16), (3, 24), (GIB / 2, 8 * GIB), (8, 90)
    ),
)


def sample_applications(
    rng: np.random.Generator, count: int
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """(parameters [count, P], limits [count, L], mean rates per second [count])."""
    parameters = np.tile(par.neutral_row(), (count, 1))
    limits = np.empty((count, lim.LIMITS_COUNT))
    rates = np.empty(count)
    sizes = rng.choice(len(SIZE_CLASSES), size=count, p=[size.share for size in SIZE_CLASSES])
    for row, size in enumerate(sizes):
        chosen = SIZE_CLASSES[size]
        cpu_max_m = _log_uniform(rng, chosen.cpu_max_m)
        _sample_service(rng, chosen, cpu_max_m, parameters[row])
        sample_limits(rng, chosen, cpu_max_m, parameters[row], limits[row])
        rates[row] = mean_rate(rng, parameters[row], limits[row])
    return par.clip_parameters(parameters), limits, rates


def _log_uniform(rng: np.random.Generator, ends: tuple[float, float]) -> float:
    return float(np.exp(rng.uniform(np.log(ends[0]), np.log(ends[1]))))


def _sample_service(
    rng: np.random.Generator, size: SizeClass, cpu_max_m: float, row: FloatArray
) -> None:
    row[par.SERVICE_DEMAND_MS] = _log_uniform(rng, size.demand_ms)
    row[par.DEMAND_VARIABILITY] = _log_uniform(rng, (0.05, 3.0))
    row[par.WAIT_MS] = _log_uniform(rng, size.wait_ms)
    row[par.PARALLELISM_CORES] = _log_uniform(rng, size.parallelism)
    row[par.CONCURRENCY_LIMIT] = np.round(_log_uniform(rng, (12.0, 200.0)))
    row[par.TIMEOUT_MS] = _log_uniform(rng, (1500.0, 30000.0))
    row[par.IDLE_CPU_M] = cpu_max_m * _log_uniform(rng, (0.002, 0.03))
    base = _log_uniform(rng, size.memory_base)
    row[par.MEMORY_BASE_BYTES] = base
    row[par.MEMORY_PER_REQUEST_BYTES] = (
        base * _log_uniform(rng, (0.05, 1.5)) / row[par.CONCURRENCY_LIMIT]
    )
    row[par.MEMORY_RELEASE_PER_STEP] = _log_uniform(rng, (0.005, 0.5))
    row[par.STARTUP_S] = _log_uniform(rng, size.startup_s)
    row[par.STARTUP_CPU_M] = cpu_max_m * rng.uniform(0.1, 1.0)
    row[par.RESIZE_DELAY_S] = rng.uniform(0.0, 30.0)
    row[par.RESIZE_RESTARTS] = float(rng.random() < 0.35)
    row[par.OOM_RESTART_S] = _log_uniform(rng, (5.0, 40.0))
    row[par.METRIC_NOISE] = _log_uniform(rng, (0.005, 0.06))
    row[par.METRIC_DELAY_S] = rng.uniform(0.0, 15.0)
    row[par.TAIL_FACTOR] = float(np.exp(rng.normal(0.0, 0.25)))


def sample_limits(
    rng: np.random.Generator,
    size: SizeClass,
    cpu_max_m: float,
    parameters: FloatArray,
    row: FloatArray,
) -> None:
    """Fill limits [L] of a service with these parameters [P]: what its owner asks and allows."""
    row[lim.SLO_PERCENTILE] = rng.choice([0.9, 0.95, 0.99])
    row[lim.SLO_LATENCY_MS] = comfortable_latency_ms(
        parameters, cpu_max_m, float(row[lim.SLO_PERCENTILE])
    ) * rng.uniform(1.3, 4.0)
    row[lim.REPLICAS_MIN] = 1.0 if rng.random() < 0.7 else 2.0
    row[lim.REPLICAS_MAX] = np.round(_log_uniform(rng, size.replicas_max)) + 1.0
    row[lim.CPU_MAX_M] = np.round(cpu_max_m)
    row[lim.CPU_MIN_M] = np.ceil(
        max(cpu_max_m / rng.uniform(6.0, 16.0), 1.2 * parameters[par.IDLE_CPU_M])
    )
    base = parameters[par.MEMORY_BASE_BYTES]
    full = base + parameters[par.MEMORY_PER_REQUEST_BYTES] * parameters[par.CONCURRENCY_LIMIT]
    row[lim.MEMORY_MIN_BYTES] = np.round(base * rng.uniform(0.6, 1.0))
    row[lim.MEMORY_MAX_BYTES] = np.round(full * rng.uniform(1.3, 2.5))


def comfortable_latency_ms(parameters: FloatArray, cpu_m: float, percentile: float) -> float:
    """Latency at the percentile with the CPU cpu_m per replica and a third of the possible load."""
    quota = max(cpu_m - float(parameters[par.IDLE_CPU_M]), 0.05 * cpu_m) * 1e-3
    demand_s = float(parameters[par.SERVICE_DEMAND_MS]) * 1e-3
    cores = float(parameters[par.PARALLELISM_CORES])
    wait_s = float(parameters[par.WAIT_MS]) * 1e-3
    mean_s, variance, _, _ = station(
        0.33 * min(quota, cores) / demand_s,
        quota,
        demand_s,
        float(parameters[par.DEMAND_VARIABILITY]),
        wait_s,
        cores,
        float(parameters[par.CONCURRENCY_LIMIT]),
    )
    if parameters[par.WAIT_VARIABILITY] > 0.0:
        spread = float(parameters[par.WAIT_VARIABILITY]) * wait_s * wait_s
        wait_s, mean_s, variance = sum_of_gammas(mean_s, variance, wait_s, spread)
    tail_s = gamma_quantile(mean_s, variance, normal_quantile(percentile))
    return 1e3 * (wait_s + float(parameters[par.TAIL_FACTOR]) * tail_s)


def mean_rate(rng: np.random.Generator, parameters: FloatArray, limits: FloatArray) -> float:
    """A rate that needs a twelfth to a quarter of what the bounds allow; bursts need the rest."""
    cores = min(limits[lim.CPU_MAX_M] * 1e-3, parameters[par.PARALLELISM_CORES])
    holding_s = (parameters[par.WAIT_MS] + parameters[par.SERVICE_DEMAND_MS]) * 1e-3
    by_cpu = cores / (parameters[par.SERVICE_DEMAND_MS] * 1e-3)
    by_slots = 0.5 * parameters[par.CONCURRENCY_LIMIT] / holding_s
    most = limits[lim.REPLICAS_MAX] * min(by_cpu, by_slots)
    return float(most * _log_uniform(rng, (0.08, 0.25)))
