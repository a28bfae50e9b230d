"""Small telemetry folders for tests that need a whole run: three services or many, simulated.

Sizes vary as on a real recording, so that their effect can be learned. A drifted workload needs
three times the CPU a request from the first row on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from components.cluster.limits import limits_of
from components.cluster.noise import draw_noise
from components.cluster.parameters import PARAMETER_NAMES, SERVICE_DEMAND_MS, SERVICE_PARAMETERS
from components.cluster.sample import SAMPLE_FIELDS
from components.cluster.simulator import step
from components.cluster.state import initial_state
from components.workload.spec import Bounds, MetricSource, Slo, Workload, dump_workloads
from components.workload.telemetry import COLUMNS, STEP_S, telemetry_bytes, telemetry_file

MIB = 2**20
DRIFT_FACTOR = 3.0
# CPU ms a request, waiting ms, memory base MiB, MiB a request at work, requests a second
Service = tuple[float, float, float, float, float]
SERVICES: Mapping[str, Service] = {
    "checkout": (12.0, 20.0, 60.0, 1.0, 12.0),
    "catalogue": (4.0, 60.0, 40.0, 2.0, 25.0),
    "payment": (25.0, 10.0, 80.0, 0.5, 5.0),
}
KEYS = tuple(f"shop/{name}" for name in SERVICES)


def many_services(count: int, seed: int = 0) -> dict[str, Service]:
    """Return so many services between those of SERVICES; the same arguments give the same ones."""
    rng = np.random.default_rng(seed)
    low, high = (reach(np.array(list(SERVICES.values())), axis=0) for reach in (np.min, np.max))
    drawn = np.exp(rng.uniform(np.log(low), np.log(high), (count, len(low))))
    # What a request costs and how many there are go together: none needs more than its bounds.
    drawn[:, 4] = np.minimum(drawn[:, 4], 150.0 / drawn[:, 0])
    return {f"service-{index:04d}": (*row,) for index, row in enumerate(drawn.tolist())}


def workload(name: str) -> Workload:
    """Return the spec of a service."""
    return Workload(
        namespace="shop",
        name=name,
        kind="Deployment",
        container="app",
        slo=Slo(latency_percentile=0.95, latency_ms=200.0),
        bounds=Bounds(1, 6, 50, 600, 40 * MIB, 384 * MIB),
        metrics=MetricSource(source="ingress-nginx", ingress=name),
    )


def telemetry_frame(
    name: str,
    seed: int,
    steps: int,
    drifted: bool = False,
    services: Mapping[str, Service] = SERVICES,
) -> pd.DataFrame:
    """Return `steps` rows of a service's telemetry; the same arguments give the same frame."""
    rng = np.random.default_rng([seed, *name.encode()])
    limits = limits_of([workload(name)])
    parameters = _parameters(services[name], drifted)
    rates = _rates(rng, steps, services[name][4])
    allocations = _allocations(rng, steps)
    noise = draw_noise(rng, steps, 1)
    state = initial_state(parameters, limits, allocations[:1], rates[:1])
    rows = []
    for index in range(steps):
        state, sample = step(
            state,
            parameters,
            limits,
            allocations[index : index + 1],
            rates[index : index + 1],
            noise[:, index],
        )
        rows.append(sample[0])
    return _frame(np.array(rows), seed)


def write_telemetry_folder(
    folder: Path,
    seed: int = 0,
    steps: int = 160,
    drifted: Sequence[str] = (),
    services: Mapping[str, Service] = SERVICES,
) -> Path:
    """Write workloads.yaml and a Parquet file for each of the services; return the folder."""
    folder.mkdir(parents=True)
    workloads = [workload(name) for name in services]
    (folder / "workloads.yaml").write_text(dump_workloads(workloads))
    for one in workloads:
        path = telemetry_file(folder, one)
        path.parent.mkdir(exist_ok=True)
        frame = telemetry_frame(one.name, seed, steps, one.key in drifted, services)
        path.write_bytes(telemetry_bytes(frame))
    return folder


def _parameters(service: Service, drifted: bool) -> np.ndarray:
    middle = [
        float(np.sqrt(spec.low * spec.high)) if spec.log else spec.neutral or spec.low
        for spec in SERVICE_PARAMETERS
    ]
    demand_ms, wait_ms, base_mib, request_mib, _ = service
    chosen = {
        "service_demand_ms": demand_ms,
        "demand_variability": 0.5,
        "wait_ms": wait_ms,
        "parallelism_cores": 1.0,
        "concurrency_limit": 64.0,
        "timeout_ms": 5000.0,
        "idle_cpu_m": 4.0,
        "memory_base_bytes": base_mib * MIB,
        "memory_per_request_bytes": request_mib * MIB,
        "memory_release_per_step": 0.2,
        "startup_s": 10.0,
        "startup_cpu_m": 100.0,
        "oom_restart_s": 10.0,
        "metric_noise": 0.02,
    }
    for parameter, value in chosen.items():
        middle[PARAMETER_NAMES.index(parameter)] = value
    parameters = np.array([middle])
    if drifted:
        parameters[0, SERVICE_DEMAND_MS] *= DRIFT_FACTOR
    return parameters


def _rates(rng: np.random.Generator, steps: int, mean_per_s: float) -> np.ndarray:
    wave = 1.0 + 0.5 * np.sin(np.arange(steps) * 2.0 * np.pi / 60.0)
    bursts = np.where(rng.random(steps) < 0.05, 1.8, 1.0)
    return mean_per_s * wave * bursts * np.exp(0.1 * rng.standard_normal(steps))


def _allocations(rng: np.random.Generator, steps: int) -> np.ndarray:
    """Return [steps, 3]: another size every ten steps, squeezed now and then."""
    blocks = -(-steps // 10)
    rows = np.column_stack(
        [
            rng.integers(1, 5, blocks).astype(np.float64),
            rng.choice([80.0, 150.0, 300.0, 500.0], blocks),
            rng.choice([96.0, 160.0, 256.0], blocks) * MIB,
        ]
    )
    return np.repeat(rows, 10, axis=0)[:steps]


def _frame(rows: np.ndarray, seed: int) -> pd.DataFrame:
    values = {
        column: rows[:, SAMPLE_FIELDS.index(column)]
        for column in COLUMNS
        if column in SAMPLE_FIELDS
    }
    values["cpu_limit_m"] = values["cpu_request_m"]
    values["memory_limit_bytes"] = values["memory_request_bytes"]
    start = pd.Timestamp("2026-03-02T08:00:00Z") + pd.Timedelta(days=seed)
    times = pd.date_range(start, periods=len(rows), freq=f"{STEP_S}s").as_unit("ms")
    return pd.DataFrame({"time": times, **{column: values[column] for column in COLUMNS}})
