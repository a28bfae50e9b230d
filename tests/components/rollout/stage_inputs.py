"""Small outputs of the earlier stages, as rollout reads them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from components.artifacts.files import write_bytes, write_json, write_text
from components.policy.network_file import META_POLICY_KIND, write_arrays
from components.workload.spec import Bounds, MetricSource, Slo, Workload, dump_workloads
from components.workload.telemetry import COLUMNS, telemetry_bytes, telemetry_file

MIB = 2**20
CHECKOUT = Workload(
    "shop",
    "checkout",
    "Deployment",
    "app",
    Slo(0.95, 150.0),
    Bounds(1, 6, 50, 600, 40 * MIB, 384 * MIB),
    MetricSource("ingress-nginx", "checkout"),
)
CART = Workload(
    "shop",
    "cart",
    "StatefulSet",
    "main",
    Slo(0.99, 62.5),
    Bounds(2, 3, 1000, 2000, 2**30, 2**31),
    MetricSource("istio"),
)
ROW = {"reward": {"mean": 0.8, "low": 0.7, "high": 0.9}}


def telemetry() -> pd.DataFrame:
    """Eight rows with rates 0, 1, ... 7, one of them missing, and no latency at all."""
    frame = pd.DataFrame({column: np.arange(8.0) for column in COLUMNS})
    frame["latency_ms"] = np.nan
    frame.loc[7, "request_rate_per_s"] = np.nan
    times = pd.date_range("2026-11-01", periods=8, freq="15s", tz="UTC")
    frame.insert(0, "time", times.as_unit("ms"))
    return frame


def write_stage_outputs(
    root: Path, accepted: tuple[str, ...] = ("shop/checkout",), rule: float = 0.5
) -> dict[str, Path]:
    """The folders of five stages below `root`, as the keyword arguments of rollout's `run`."""
    stages = ("dataset", "embedding", "meta_policy", "adapted", "validation")
    folders = {name: root / name for name in stages}
    workloads = (CHECKOUT, CART)
    keys = [workload.key for workload in workloads]
    write_text(folders["dataset"] / "workloads.yaml", dump_workloads(workloads))
    for workload in workloads:
        write_bytes(telemetry_file(folders["dataset"], workload), telemetry_bytes(telemetry()))
    embeddings = {"embedding_size": 2, "workloads": {key: [0.25, -1.0] for key in keys}}
    write_json(folders["embedding"] / "embeddings.json", embeddings)
    write_json(folders["embedding"] / "twins.json", {key: {"members": [[1.0]]} for key in keys})
    arrays = {"actor.0.weight": np.arange(6, dtype=np.float32).reshape(2, 3)}
    write_arrays(folders["meta_policy"] / "meta_policy.safetensors", arrays, META_POLICY_KIND)
    adapted = {key: {"rule": {"cpu_target": rule}, "proposed": {"cpu_target": 0.6}} for key in keys}
    write_json(folders["adapted"] / "adapted.json", adapted)
    validated = {key: validated_workload(key in accepted) for key in keys}
    write_json(folders["validation"] / "validation.json", {"workloads": validated, "summary": {}})
    return folders


def validated_workload(accepted: bool) -> dict[str, Any]:
    """One entry of validation.json."""
    return {
        "rows": {"policy": ROW, "hpa_vpa": ROW},
        "verdict": {"accepted": accepted, "reasons": ["Reward: 0.8 & <better>."], "checks": []},
        "gap_closed": 0.75,
        "incumbent": {"cpu_target": 0.45, "cpu_m": 300.0, "memory_margin": 0.2},
    }
