"""How near a fitted twin comes to rows that it hasn't seen, how sure it is, and how fast it fits.

python -m tests.benchmarks.twin [--quick] [--picture FILE]; the last line is JSON. Three sources:
the project's own recordings (the later third held out), anfa_k8s_capacity (every third pair of
replicas and rate held out) and kruize_autotune (every third trial held out; closed-loop users).
The keys without a source's name are of the recordings.

What is missed, and why: anfa's p99, because its machine was in one of two states that neither rate
nor replicas tell (the medians of its runs fall into two groups, see the line printed below the
table); Petclinic's response and throughput, for a reason not found: beside a noisy neighbour
throughput doesn't follow the CPU limit (rank correlation .11), but the surface without that
neighbour does (.84) and is missed as well. Too high a median of
services that do nothing but compute under a tight quota, because one gamma distribution stands
for requests that stall and requests that don't.
"""

import argparse
import json
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("NUMBA_NUM_THREADS", "1")

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from components.artifacts.files import write_bytes
from components.cluster import sample as smp
from components.cluster.compiled import FloatArray
from components.cluster.limits import limits_of
from components.cluster.replay import replay
from components.cluster.twin import ERROR_NAMES, Twin
from components.cluster.twin_ensemble import fit_twin
from components.cluster.twin_evidence import Evidence, evidence_of
from components.pictures import picture_png
from components.workload.spec import Workload, load_workloads
from components.workload.telemetry import read_telemetry, split, telemetry_file
from tests.baselines import closed_loop, published

RECORDINGS = Path(__file__).resolve().parents[2] / "images" / "synthetic_app" / "recordings"
AIMS = {"cpu": 0.05, "memory": 0.05, "latency": 0.2, "throughput": 0.05}
QUANTITIES = ("cpu", "memory", "latency_p50", "latency", "throughput")
# Requests per second up to which a pod of anfa's service is far from its limit.
CALM_PER_S = 60.0
UNITS = ("CPU, m", "memory, bytes", "median latency, ms", "slow latency, ms", "requests per s")


@dataclass(frozen=True, slots=True)
class HeldOut:
    """One workload: measured and predicted [T, 5] as QUANTITIES, NaN where it doesn't count.

    covered [T, 4] as ERROR_NAMES: 1 where measured is in its 90 % interval, NaN where unknown.
    repeat [4]: how far two rows side by side differ, by the median of the logarithms over the
    root of two: what no model that sees the minute's load alone could take away.
    """

    key: str
    measured: FloatArray
    predicted: FloatArray
    covered: FloatArray
    repeat: FloatArray


def held_out_of(
    workload: Workload, training: pd.DataFrame, held_out: pd.DataFrame
) -> tuple[HeldOut, Twin]:
    """Fit to the training rows, predict the held-out ones."""
    twin = fit_twin(training, held_out, workload, np.random.default_rng(0))
    evidence = evidence_of(held_out, workload)
    samples = evidence.samples
    predicted = replay(twin.members[0], limits_of([workload])[0], samples)
    rate = samples[:, smp.REQUEST_RATE_PER_S]
    served = rate * (1.0 - samples[:, smp.ERROR_RATIO])
    measured = np.column_stack([evidence.measured, served])
    counted = np.column_stack([evidence.usable, evidence.usable.any(axis=1) & (served > 0.0)])
    measured = np.where(counted, measured, np.nan)
    covered = np.full((len(samples), len(ERROR_NAMES)), np.nan)
    for column, name in enumerate(ERROR_NAMES):
        if name in twin.intervals:
            low, high = twin.intervals[name]
            off = measured[:, column] / predicted[:, column]
            inside = (off >= low) & (off <= high)
            covered[:, column] = np.where(np.isfinite(off), inside, np.nan)
    return HeldOut(workload.key, measured, predicted, covered, repeats(evidence)), twin


def repeats(evidence: Evidence) -> FloatArray:
    """Median difference by logarithm of rows side by side with the same allocation, [4]."""
    steps = np.full(len(ERROR_NAMES), np.nan)
    for column in range(len(ERROR_NAMES)):
        both = evidence.usable[1:, column] & evidence.usable[:-1, column]
        if both.any():
            logs = np.log(np.maximum(evidence.measured[:, column], 1e-9))
            steps[column] = np.median(np.abs(np.diff(logs)[both])) / np.sqrt(2.0)
    return steps


def errors_of(measured: FloatArray, predicted: FloatArray) -> FloatArray:
    """Median relative error of each column; NaN where nothing was measured."""
    relative = np.abs(predicted / measured - 1.0)
    return np.array(
        [np.median(known) if (known := each[np.isfinite(each)]).size else np.nan
         for each in relative.T]
    )  # fmt: skip


def mean_known(values: FloatArray) -> float:
    """Mean of what isn't NaN; NaN of nothing."""
    known = values[np.isfinite(values)]
    return float(known.mean()) if known.size else float("nan")


def shown(values: FloatArray) -> str:
    """Shares as per cents in columns."""
    return " ".join("       -" if np.isnan(value) else f"{value:8.1%}" for value in values)


def print_rows(title: str, rows: list[HeldOut]) -> tuple[FloatArray, float]:
    """Print a table; returns the errors [5] over all rows and the share covered."""
    print(title)
    print(f"  {'median error':26s} {' '.join(f'{name[:8]:>8s}' for name in QUANTITIES)}  covered")
    for row in rows:
        errors = errors_of(row.measured, row.predicted)
        print(f"  {row.key:26s} {shown(errors)} {mean_known(row.covered):8.0%}")
    measured = np.concatenate([row.measured for row in rows])
    errors = errors_of(measured, np.concatenate([row.predicted for row in rows]))
    covered = np.concatenate([row.covered for row in rows])
    print(f"  {'all rows':26s} {shown(errors)} {mean_known(covered):8.0%}")
    print(f"  {'covered':26s} {shown(np.array([mean_known(each) for each in covered.T]))}")
    repeated = np.array([np.median([row.repeat[each] for row in rows]) for each in range(4)])
    print(f"  {'rows side by side differ':26s} {shown(repeated)}")
    return errors, mean_known(covered)


def unidentified(twins: Mapping[str, Twin]) -> None:
    """Print what the telemetry of each workload can't tell."""
    print("not identified, and drawn from the prior (no variation seen):")
    for key, twin in twins.items():
        names = [name for name, seen in twin.identified.items() if not seen]
        print(f"  {key:26s} {', '.join(names) or 'nothing'}")


def recordings() -> tuple[list[HeldOut], dict[str, Twin], float]:
    """The project's own recordings: held-out rows, twins, workloads a CPU minute."""
    workloads = load_workloads(RECORDINGS / "workloads.yaml")
    frames = [split(read_telemetry(telemetry_file(RECORDINGS, each))) for each in workloads]
    held_out_of(workloads[0], *frames[0])
    started = time.process_time()
    found = [held_out_of(each, *frame) for each, frame in zip(workloads, frames, strict=True)]
    seconds = time.process_time() - started
    twins = {row.key: twin for row, twin in found}
    return [row for row, _ in found], twins, 60.0 * len(workloads) / seconds


def surfaces() -> dict[str, float]:
    """Print kruize_autotune's errors; returns keys."""
    keys: dict[str, float] = {}
    names = ("throughput", "response", "cpu", "memory", "p99")
    found = published.surfaces()
    if not found:
        print(f"kruize_autotune: skipped, not in {published.DATA}")
        return keys
    print("kruize_autotune, closed-loop users: median error on every third trial, held out")
    print(f"  {'surface':50s} {' '.join(f'{name[:8]:>8s}' for name in names)}")
    collected = []
    for name, rows in found.items():
        held = np.arange(len(rows)) % 3 == 1
        logs = closed_loop.held_out_errors(rows[~held], rows[held])
        errors = errors_of(np.ones_like(logs), np.where(np.isnan(logs), np.nan, np.exp(logs)))
        collected.append(logs)
        print(f"  {name[-50:]:50s} {shown(errors)}")
    logs = np.concatenate(collected)
    errors = errors_of(np.ones_like(logs), np.exp(logs))
    return {f"kruize_{name}_error": value for name, value in zip(names, errors, strict=True)}


def capacity() -> tuple[dict[str, float], list[HeldOut]]:
    """Print anfa_k8s_capacity's errors; returns keys and the held-out rows."""
    runs = published.capacity_runs()
    if runs is None:
        print(f"anfa_k8s_capacity: skipped, not in {published.DATA}")
        return {}, []
    held = published.held_out_cells(runs) > 0.0
    training, tested = (published.capacity_frame(runs[rows]) for rows in (~held, held))
    row, _ = held_out_of(published.SERVICE, training, tested)
    title = "anfa_k8s_capacity: every third pair of replicas and rate held out"
    errors, covered = print_rows(title, [row])
    keys = {f"anfa_{name}_error": errors[each] for each, name in enumerate(QUANTITIES)}
    print(f"  runs of one pair differ in p99 by {run_spread(runs):.0%} (median)")
    print_machine_states(runs)
    return {**keys, "anfa_coverage_90": covered}, [row]


def print_machine_states(runs: pd.DataFrame) -> None:
    """Print the p99 of the faster and of the slower half of the runs, with their load."""
    calm = runs.assign(per_pod=runs["target_rps"] / runs["replicas"]).query(
        "per_pod <= @CALM_PER_S"
    )
    slow = calm["p50_ms"] >= calm["p50_ms"].median()
    halves = calm.groupby(slow)[["p50_ms", "p99_ms", "per_pod"]].median()
    for median_ms, p99_ms, per_pod in halves.to_numpy():
        print(
            f"  half of the calm runs: median {median_ms:.1f} ms, p99 {p99_ms:.0f} ms"
            f" at {per_pod:.0f} requests per s of a pod"
        )


def run_spread(runs: pd.DataFrame) -> float:
    """Median relative distance of a run's p99 from the median of the runs of the same pair."""
    middle = runs.groupby(["replicas", "target_rps"])["p99_ms"].transform("median")
    return float((runs["p99_ms"] / middle - 1.0).abs().median())


def draw(figure: Figure, rows: list[HeldOut]) -> None:
    """Predicted over measured of the held-out rows, a panel a quantity, with the line of truth."""
    panels = figure.subplots(1, len(QUANTITIES))
    for column, (axes, unit) in enumerate(zip(panels, UNITS, strict=True)):
        values = []
        for row in rows:
            known = np.isfinite(row.measured[:, column])
            measured, predicted = row.measured[known, column], row.predicted[known, column]
            axes.plot(measured, predicted, ".", markersize=4, label=row.key)
            values += [measured, predicted]
        ends = np.quantile(np.concatenate(values), [0.0, 1.0])
        axes.plot(ends, ends, color="grey", linewidth=1.0)
        axes.set(xscale="log", yscale="log", xlabel=f"measured {unit}")
    panels[0].set_ylabel("the twin's prediction")
    panels[0].legend(fontsize=6)


def main() -> None:
    """Fit, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="the recordings alone")
    parser.add_argument("--picture", type=Path, help="write predicted over measured there (PNG)")
    arguments = parser.parse_args()
    rows, twins, per_minute = recordings()
    errors, covered = print_rows("recordings: the later third of each held out", rows)
    unidentified(twins)
    names = {"cpu": "cpu", "memory": "memory", "latency": "p99", "throughput": "throughput"}
    found = dict(zip(QUANTITIES, errors, strict=True))
    keys = {f"{key}_error": found[name] for name, key in names.items()}
    keys |= {"coverage_90": covered, "workloads_per_minute": round(per_minute)}
    if not arguments.quick:
        more, published_rows = capacity()
        keys |= more | surfaces()
        rows = rows + published_rows
    if arguments.picture:
        write_bytes(arguments.picture, picture_png(lambda figure: draw(figure, rows), 15.0, 3.6))
        print(f"picture: {arguments.picture}")
    for name, aim in AIMS.items():
        verdict = "reached" if found[name] <= aim else "missed"
        print(f"aim for {name}: {aim:.0%}, {verdict} ({found[name]:.1%})")
    print("throughput is trivial under open-loop load: what arrives is served, unless it fails;")
    print("kruize_throughput_error is the one of a closed loop, where the model has to find it")
    print(f"{per_minute:.0f} workloads a minute on one core, 8 members each, by CPU time")
    print(json.dumps({name: round(float(value), 4) for name, value in keys.items()
                      if np.isfinite(value)}))  # fmt: skip


if __name__ == "__main__":
    main()
