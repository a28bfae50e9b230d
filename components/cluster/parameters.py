"""What makes one service differ from another: the simulator's parameters, with units and bounds."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from components.cluster.compiled import FloatArray


@dataclass(frozen=True, slots=True)
class ParameterSpec:
    """One named number: its unit, its bounds, and whether it is scaled by its logarithm."""

    name: str
    unit: str
    low: float
    high: float
    log: bool
    description: str


KIB = 1024.0
MIB = 1024.0**2
GIB = 1024.0**3

SERVICE_PARAMETERS: tuple[ParameterSpec, ...] = (
    ParameterSpec(
        "service_demand_ms", "ms", 0.2, 1000.0, log=True, description="CPU time of one request"
    ),
    ParameterSpec(
        "demand_variability",
        "",
        0.02,
        8.0,
        log=True,
        description="squared coefficient of variation of the demand",
    ),
    ParameterSpec(
        "wait_ms", "ms", 0.05, 5000.0, log=True, description="time of one request that is not CPU"
    ),
    ParameterSpec(
        "parallelism_cores", "cores", 1.0, 64.0, log=True, description="cores one replica can use"
    ),
    ParameterSpec(
        "concurrency_limit",
        "requests",
        1.0,
        4096.0,
        log=True,
        description="requests at once, a replica",
    ),
    ParameterSpec(
        "timeout_ms",
        "ms",
        500.0,
        60000.0,
        log=True,
        description="a request that took longer has failed",
    ),
    ParameterSpec(
        "idle_cpu_m", "m", 0.1, 1000.0, log=True, description="CPU of a replica without requests"
    ),
    ParameterSpec(
        "memory_base_bytes",
        "bytes",
        4 * MIB,
        24 * GIB,
        log=True,
        description="memory of a replica without requests",
    ),
    ParameterSpec(
        "memory_per_request_bytes",
        "bytes",
        KIB,
        512 * MIB,
        log=True,
        description="memory of one request at work",
    ),
    ParameterSpec(
        "memory_release_per_step",
        "",
        0.002,
        1.0,
        log=True,
        description="share of unused memory released in 15 s",
    ),
    ParameterSpec("startup_s", "s", 1.0, 180.0, log=True, description="from creation to ready"),
    ParameterSpec(
        "startup_cpu_m", "m", 1.0, 4000.0, log=True, description="CPU of a replica that starts"
    ),
    ParameterSpec(
        "resize_delay_s", "s", 0.0, 60.0, log=False, description="from a new size to its effect"
    ),
    ParameterSpec(
        "resize_restarts",
        "",
        0.0,
        1.0,
        log=False,
        description="1 when a resize restarts the replica",
    ),
    ParameterSpec(
        "oom_restart_s", "s", 1.0, 120.0, log=True, description="first back-off after an OOM kill"
    ),
    ParameterSpec(
        "metric_noise", "", 0.0005, 0.3, log=True, description="relative standard error of a metric"
    ),
    ParameterSpec(
        "metric_delay_s", "s", 0.0, 15.0, log=False, description="age of what a metric shows"
    ),
    ParameterSpec(
        "tail_factor",
        "",
        0.25,
        4.0,
        log=True,
        description="real over modelled time of slow requests",
    ),
)
PARAMETER_NAMES: tuple[str, ...] = tuple(spec.name for spec in SERVICE_PARAMETERS)
PARAMETER_COUNT = len(SERVICE_PARAMETERS)

SERVICE_DEMAND_MS = 0
DEMAND_VARIABILITY = 1
WAIT_MS = 2
PARALLELISM_CORES = 3
CONCURRENCY_LIMIT = 4
TIMEOUT_MS = 5
IDLE_CPU_M = 6
MEMORY_BASE_BYTES = 7
MEMORY_PER_REQUEST_BYTES = 8
MEMORY_RELEASE_PER_STEP = 9
STARTUP_S = 10
STARTUP_CPU_M = 11
RESIZE_DELAY_S = 12
RESIZE_RESTARTS = 13
OOM_RESTART_S = 14
METRIC_NOISE = 15
METRIC_DELAY_S = 16
TAIL_FACTOR = 17


def lows(specs: tuple[ParameterSpec, ...]) -> FloatArray:
    """Lower bounds [len(specs)]."""
    return np.array([spec.low for spec in specs], dtype=np.float64)


def highs(specs: tuple[ParameterSpec, ...]) -> FloatArray:
    """Upper bounds [len(specs)]."""
    return np.array([spec.high for spec in specs], dtype=np.float64)


def clip_parameters(parameters: FloatArray) -> FloatArray:
    """Service parameters [..., P] moved inside their bounds."""
    return np.clip(parameters, lows(SERVICE_PARAMETERS), highs(SERVICE_PARAMETERS))
