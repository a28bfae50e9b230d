"""Twins of other people's services: how near they come, and how near any model could."""

from __future__ import annotations

import numpy as np
import pandas as pd

from components.cluster.compiled import FloatArray
from tests.baselines import closed_loop, published
from tests.baselines.repeated_runs import neighbour_error, rank_correlation, repeat_error
from tests.baselines.twin_report import print_rows, shown
from tests.baselines.twin_rows import QUANTITIES, HeldOut, errors_of, held_out_of, joined

# Each row is left out of one of so many fits.
PARTS = 3
# Requests per second up to which a pod of anfa's service is far from its limit.
CALM_PER_S = 60.0
SURFACE_NAMES = ("throughput", "response", "cpu", "memory", "p99")
PLACES = ["cpu_limit_cores", "mem_limit_mb"]
PETCLINIC = "same-requests-limits/"


def capacity() -> tuple[dict[str, float], list[HeldOut]]:
    """Print anfa_k8s_capacity's errors; returns keys and the rows as they were left out."""
    runs = published.capacity_runs()
    if runs is None:
        print(f"anfa_k8s_capacity: skipped, not in {published.DATA}")
        return {}, []
    parts = []
    for part in range(PARTS):
        held = published.held_out_cells(runs, part) > 0.0
        frames = [published.capacity_frame(runs[rows]) for rows in (~held, held)]
        parts.append(held_out_of(published.SERVICE, *frames)[0])
    row = joined(parts)
    title = "anfa_k8s_capacity: each pair of replicas and rate left out of one of three fits"
    errors, covered = print_rows(title, [row])
    keys = {f"anfa_{name}_error": errors[each] for each, name in enumerate(QUANTITIES)}
    pair = ["replicas", "target_rps"]
    columns = {"cpu": "max_pod_cpu", "latency_p50": "p50_ms", "latency": "p99_ms"}
    floors = {name: repeat_error(runs, pair, column) for name, column in columns.items()}
    told = ", ".join(f"{name} {value:.1%}" for name, value in floors.items())
    print(f"  the other runs of the same pair are off by: {told}")
    calm = runs.assign(pod=runs["target_rps"] / runs["replicas"]).query("pod <= @CALM_PER_S")
    cpu_ms = 1000.0 * calm["max_pod_cpu"] / calm["pod"]
    print(
        "  p99 of calm runs has a rank correlation of"
        f" {rank_correlation(calm['p99_ms'], calm['pod']):.2f} with a pod's rate and of"
        f" {rank_correlation(calm['p99_ms'], cpu_ms):.2f} with the CPU time of a request"
    )
    keys |= {f"anfa_{name}_floor": value for name, value in floors.items()}
    return {**keys, "anfa_coverage_90": covered}, [row]


def left_out_errors(rows: pd.DataFrame) -> FloatArray:
    """Logarithms [rows, 5] of predicted over measured, each row left out of one of three fits."""
    errors = np.empty((len(rows), len(SURFACE_NAMES)))
    for part in range(PARTS):
        held = np.arange(len(rows)) % PARTS == part
        errors[held] = closed_loop.held_out_errors(rows[~held], rows[held])
    return errors


def surfaces() -> tuple[dict[str, float], dict[str, FloatArray]]:
    """Print kruize_autotune's errors; returns keys, and left_out_errors by surface."""
    found = published.surfaces()
    if not found:
        print(f"kruize_autotune: skipped, not in {published.DATA}")
        return {}, {}
    print("kruize_autotune, closed-loop users: each trial left out of one of three fits")
    print(f"  {'surface':50s} {' '.join(f'{name[:8]:>8s}' for name in SURFACE_NAMES)}")
    keys: dict[str, float] = {}
    logs = {name: left_out_errors(rows) for name, rows in found.items()}
    for name, rows in found.items():
        errors = medians(logs[name])
        print(f"  {name[-50:]:50s} {shown(errors)}")
        floors = [neighbour_error(rows, PLACES, each) for each in ("throughput_rps", "resp_ms")]
        print(f"  {'  at best, by rows side by side':50s} {shown(np.array(floors))}")
        order = rank_correlation(rows["throughput_rps"], rows["trial"])
        limit = rank_correlation(rows["throughput_rps"], rows["cpu_limit_cores"])
        print(f"    throughput's rank correlation: {limit:.2f} with the CPU limit,")
        print(f"    {order:.2f} with the order of the trials")
        if name.startswith(PETCLINIC):
            kind = "petclinic_neighbour" if "renaissance" in name else "petclinic"
            keys |= {f"{kind}_throughput_error": errors[0], f"{kind}_throughput_floor": floors[0]}
            keys |= {f"{kind}_response_error": errors[1], f"{kind}_response_floor": floors[1]}
    together = medians(np.concatenate(list(logs.values())))
    keys |= {
        f"kruize_{name}_error": each for name, each in zip(SURFACE_NAMES, together, strict=True)
    }
    return keys, logs


def medians(logs: FloatArray) -> FloatArray:
    """Median relative errors [5] of logarithms [rows, 5]; NaN where nothing was measured."""
    return errors_of(np.where(np.isnan(logs), np.nan, 1.0), np.exp(logs))
