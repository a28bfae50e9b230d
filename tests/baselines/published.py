"""Published measurements of other people's services, in the form that the twin is fitted to."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from components.cluster.compiled import FloatArray
from components.workload.spec import Bounds, MetricSource, Slo, Workload
from components.workload.telemetry import COLUMNS

DATA = Path(__file__).resolve().parents[2].parent / "shared" / "data"
STEPS_PER_RUN = 6
# The local cluster itself carried no more than about 131 requests per second (its README), so
# these runs tell of the host and not of the pods.
HOST_CEILING_PER_S = 130.0
# Not in the data: the most that a pod ever used (477 m), rounded up to a usual limit.
POD_LIMIT_M = 500.0
SERVICE = Workload(
    "published",
    "anfa",
    "Deployment",
    "app",
    Slo(0.99, 50.0),
    Bounds(1, 4, 100, 500, 64 * 2**20, 512 * 2**20),
    MetricSource("istio"),
)


def capacity_runs(data: Path = DATA) -> pd.DataFrame | None:
    """The runs of anfa_k8s_capacity that the pods limited; None where the data isn't there."""
    path = data / "anfa_k8s_capacity" / "capacity_runs.csv"
    if not path.is_file():
        return None
    runs = pd.read_csv(path)
    runs = runs[runs["target_rps"] <= HOST_CEILING_PER_S]
    return runs.sort_values(["replicas", "target_rps"], kind="stable").reset_index(drop=True)


def held_out_cells(runs: pd.DataFrame, part: int) -> FloatArray:
    """1 for the runs of every third pair of replicas and rate, else 0: [number of runs].

    part: 0, 1 or 2; which of the pairs come first.
    """
    cells = runs.groupby(["replicas", "target_rps"]).ngroup().to_numpy()
    held: FloatArray = (cells % 3 == part).astype(np.float64)
    return held


def capacity_frame(runs: pd.DataFrame) -> pd.DataFrame:
    """Telemetry of the runs, each as steady for STEPS_PER_RUN steps of 15 s.

    CPU is the busiest pod's times the pods: the others aren't published. Memory isn't either.
    """
    rows = runs.loc[runs.index.repeat(STEPS_PER_RUN)].reset_index(drop=True)
    replicas = rows["replicas"].astype(np.float64)
    frame = pd.DataFrame(np.nan, index=rows.index, columns=list(COLUMNS))
    frame = frame.assign(
        request_rate_per_s=rows["target_rps"].astype(np.float64),
        error_ratio=rows["errors"] / (rows["completed"] + rows["errors"]),
        latency_ms=rows["p99_ms"],
        latency_p50_ms=rows["p50_ms"],
        cpu_usage_m=1000.0 * rows["max_pod_cpu"] * replicas,
        cpu_throttled_ratio=rows["max_throttle_ratio"],
        replicas_wanted=replicas,
        replicas_ready=replicas,
        cpu_request_m=POD_LIMIT_M,
        cpu_limit_m=POD_LIMIT_M,
        memory_request_bytes=512.0 * 2**20,
        memory_limit_bytes=512.0 * 2**20,
        oom_kills=0.0,
        restarts=0.0,
    )
    times = pd.date_range("2026-01-01", periods=len(frame), freq="15s", tz="UTC", unit="ms")
    frame.insert(0, "time", times)
    return frame


def surfaces(data: Path = DATA) -> dict[str, pd.DataFrame]:
    """CPU x memory surfaces of kruize_autotune by name; empty where the data isn't there.

    Those whose number of users is stated and where nothing but CPU, memory and the garbage
    collector varies, with more than one CPU limit; requests went on as soon as one was answered
    or, with users, after a pause that isn't published.
    """
    path = data / "kruize_autotune" / "kruize_surface_resource_only.csv"
    if not path.is_file():
        return {}
    rows = pd.read_csv(path)
    rows = rows[rows["load"].notna()]
    found = {}
    for file, surface in rows.groupby("file"):
        if surface["cpu_limit_cores"].nunique() > 1:
            found[Path(str(file)).parent.name + "/" + Path(str(file)).stem] = surface.reset_index(
                drop=True
            )
    return found
