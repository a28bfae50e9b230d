"""Both pipelines at 1, 50 and 1,000 workloads: how large, how many pods; and run here, at 50.

python -m tests.benchmarks.pipelines [--quick]; the last line is JSON. compile_s and bytes_NAME:
CPU time of both pipelines to IR YAML, and how large each is; the number of workloads is not in it,
for the list of shards is made when the run begins. pods_NAME_N: tasks of a run at N workloads, 25 a
shard; in retraining as if all had drifted. What Argo makes of them in a cluster isn't measured.

run_s, cpu_s and peak_mib: `aware run --quick` with a later recording on simulated services, a tenth
of which drifted, as a user starts it: both pipelines by kfp.local, each task a process, two at once
in a loop, with one thread. CPU time and the largest task's memory come from the kernel. accepted
and drifted: what came out; drifted_truly are those of the changed that were found.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import yaml

from components.workload.shard import shards_of
from pipelines.compile import compile_pipelines
from tests.telemetry_folders import many_services, write_telemetry_folder

COUNTS = (1, 50, 1000)
SHARD_SIZE = 25
DRIFTED_EVERY = 10
LOOPED = {"ingestion", "twin-fitting", "fine-tuning", "validation", "rollout"}


def pods(spec: dict, workloads: int) -> int:
    """Tasks of a run: those of a loop once a shard; of two branches the longer one."""
    shards = len(shards_of(workloads, SHARD_SIZE))
    found = 0
    for component in (spec["root"], *spec["components"].values()):
        for key, task in component.get("dag", {}).get("tasks", {}).items():
            label = spec["components"][task["componentRef"]["name"]].get("executorLabel")
            # Neither loops and branches nor imports of artifacts are programs.
            runs = label and "container" in spec["deploymentSpec"]["executors"][label]
            if runs and key != "run-summary-2":
                found += shards if key in LOOPED else 1
    return found


def sizes(folder: Path) -> dict[str, float]:
    """Compile both; return seconds, bytes and pods."""
    began_s = time.process_time()
    paths = compile_pipelines(folder)
    result: dict[str, float] = {"compile_s": round(time.process_time() - began_s, 2)}
    for path in paths:
        spec = next(yaml.safe_load_all(path.read_text()))
        result[f"bytes_{path.stem}"] = path.stat().st_size
        result |= {f"pods_{path.stem}_{count}": pods(spec, count) for count in COUNTS}
    return result


def run_here(folder: Path, count: int) -> dict[str, float]:
    """Run both pipelines on so many services; return what it took and what came out."""
    services = many_services(count)
    changed = [f"shop/{name}" for name in list(services)[::DRIFTED_EVERY]]
    earlier = write_telemetry_folder(folder / "earlier", steps=200, services=services)
    later = write_telemetry_folder(
        folder / "later", seed=1, steps=200, drifted=changed, services=services
    )
    aware = Path(sys.executable).with_name("aware")
    command = [aware, "run", "--telemetry", earlier, "--later", later, "--quick", "--json"]
    one_thread = {"OMP_NUM_THREADS": "1", "NUMBA_NUM_THREADS": "1"}
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    began_s = time.perf_counter()
    done = subprocess.run(
        [*command, "--output", folder / "runs"],
        env=os.environ | one_thread,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    seconds = time.perf_counter() - began_s
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    told = json.loads(done.stdout)
    drifted = {key for key, entry in told["drift"].items() if entry["drifted"]}
    verdicts = told["autoscaling"]["verdicts"].values()
    return {
        "workloads": count,
        "run_s": round(seconds, 1),
        "cpu_s": round(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, 1),
        "peak_mib": round(after.ru_maxrss / 1024, 1),
        "accepted": sum(one["accepted"] for one in verdicts),
        "drifted": len(drifted),
        "drifted_truly": len(drifted & set(changed)),
        "changed": len(changed),
    }


def main() -> None:
    """Print a table and a line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="three workloads instead of fifty")
    quick = parser.parse_args().quick
    with tempfile.TemporaryDirectory() as folder:
        figures = sizes(Path(folder) / "compiled") | run_here(Path(folder), 3 if quick else 50)
    for name, value in figures.items():
        print(f"{name:<26}{value:>12,}")
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
