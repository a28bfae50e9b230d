"""The simulator's parameters by name: unit, bounds, and the value at which each does nothing."""

from __future__ import annotations

from dataclasses import dataclass

KIB = 1024.0
MIB = 1024.0**2
GIB = 1024.0**3


@dataclass(frozen=True, slots=True)
class ParameterSpec:
    """One named number: its unit, its bounds, and whether it is scaled by its logarithm.

    neutral: where the simulator behaves as if it lacked the parameter; what a twin stored by a
    version that lacked it is read with. None for those that every service has.
    """

    name: str
    unit: str
    low: float
    high: float
    log: bool
    description: str
    neutral: float | None = None


def _scaled(name: str, unit: str, low: float, high: float, description: str) -> ParameterSpec:
    return ParameterSpec(name, unit, low, high, log=True, description=description)


def _linear(
    name: str, unit: str, low: float, high: float, description: str, neutral: float | None = None
) -> ParameterSpec:
    return ParameterSpec(name, unit, low, high, log=False, description=description, neutral=neutral)


_OF_EVERY_SERVICE = (
    _scaled("service_demand_ms", "ms", 0.2, 1000.0, "CPU time of one request"),
    _scaled("demand_variability", "", 0.02, 8.0, "squared coefficient of variation of the demand"),
    _scaled("wait_ms", "ms", 0.05, 5000.0, "time of one request that is not CPU"),
    _scaled("parallelism_cores", "cores", 1.0, 64.0, "cores one replica can use"),
    _scaled("concurrency_limit", "requests", 1.0, 4096.0, "requests at once, a replica"),
    _scaled("timeout_ms", "ms", 500.0, 60000.0, "a request that took longer has failed"),
    _scaled("idle_cpu_m", "m", 0.1, 1000.0, "CPU of a replica without requests"),
    _scaled(
        "memory_base_bytes", "bytes", 4 * MIB, 24 * GIB, "memory of a replica without requests"
    ),
    _scaled("memory_per_request_bytes", "bytes", KIB, 512 * MIB, "memory of one request at work"),
    _scaled("memory_release_per_step", "", 0.002, 1.0, "share of unused memory released in 15 s"),
    _scaled("startup_s", "s", 1.0, 180.0, "from creation to ready"),
    _scaled("startup_cpu_m", "m", 1.0, 4000.0, "CPU of a replica that starts"),
    _linear("resize_delay_s", "s", 0.0, 60.0, "from a new size to its effect"),
    _linear("resize_restarts", "", 0.0, 1.0, "1 when a resize restarts the replica"),
    _scaled("oom_restart_s", "s", 1.0, 120.0, "first back-off after an OOM kill"),
    _scaled("metric_noise", "", 0.0005, 0.3, "relative standard error of a metric"),
    _linear("metric_delay_s", "s", 0.0, 15.0, "age of what a metric shows"),
    _scaled("tail_factor", "", 0.25, 4.0, "real over modelled time of slow requests"),
)
_OF_SOME = (
    _linear("wait_variability", "", 0.0, 8.0, "squared coefficient of variation of wait_ms", 0.0),
    _linear(
        "arrival_variability",
        "",
        0.05,
        50.0,
        "squared coefficient of variation between arrivals; 1 is Poisson, more comes in bursts",
        1.0,
    ),
    _linear("stall_share", "", 0.0, 0.5, "time in which nothing runs: GC, CPU steal", 0.0),
    _linear("stall_ms", "ms", 0.0, 2000.0, "length of one such stall", 0.0),
    _linear("retry_share", "", 0.0, 1.0, "failed requests that the client sends again", 0.0),
    _linear("retry_cap", "", 0.0, 10.0, "most retries, as a share of the first attempts", 0.0),
    _linear("retry_delay_s", "s", 0.0, 300.0, "mean time from a failure to its retry", 0.0),
    _linear(
        "memory_growth_bytes_per_h",
        "bytes/h",
        0.0,
        64 * GIB,
        "memory by which a replica grows with its age, until a restart",
        0.0,
    ),
    _linear("drain_s", "s", 0.0, 120.0, "from a replica's removal to its end", 0.0),
    _linear("node_cpu_m", "m", 0.0, 4e6, "CPU that the nodes have for it; 0: enough", 0.0),
    _linear("node_memory_bytes", "bytes", 0.0, 4096 * GIB, "memory that they have; 0: enough", 0.0),
    _linear("scheduling_delay_s", "s", 0.0, 120.0, "from a pod that fits to its start", 0.0),
)
SERVICE_PARAMETERS = _OF_EVERY_SERVICE + _OF_SOME
# So many come first that every service has; the others are neutral unless someone sets them.
EVERY_SERVICE_COUNT = len(_OF_EVERY_SERVICE)
