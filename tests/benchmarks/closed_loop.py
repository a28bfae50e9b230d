"""HPA, HPA + VPA and this product on one real service in containers, behind a real API server.

python -m tests.benchmarks.closed_loop [--quick] [--minutes 20] [--service shop/catalog]

Runs, one after the other and each under the same two courses of request rates (a day compressed to
the course's length, and bursts at their natural speed): HPA tuned, HPA + VPA on memory tuned, and
the recommender with its policy live. The service is the recorded one; policy, twin and tuned
incumbents come from its recording (`aware run`, made first where --run names no finished one). Real
are the API server and its controllers, containers with limits, load, Prometheus, recommender and
actuator. As root; see tests/recorder. The last line is JSON: "tuned" is the better by reward of the
two tuned incumbents, CPU in core-seconds, memory in GiB-seconds, both means of the courses.
"""

import argparse
import asyncio
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("NUMBA_NUM_THREADS", "1")

import numpy as np

from components.cluster.compiled import FloatArray
from components.errors import UserError
from components.workload.spec import dump_workloads, load_workloads
from tests.cluster.api_server import running_cluster
from tests.cluster.closed_loop.arms import HPA, HPA_VPA, OURS, TITLES, Contest, contest_of
from tests.cluster.closed_loop.course import Measured, Rig, play
from tests.cluster.closed_loop.figures import ranking
from tests.cluster.closed_loop.twin_course import twin_figures
from tests.cluster.workloads import install_crd
from tests.recorder import images, podman
from tests.recorder.rates import DAY_S, RateShape, rate_series
from tests.recorder.services import SERVICES, Service

RECORDINGS = Path(__file__).parents[2] / "images" / "synthetic_app" / "recordings"
PROFILES = ("daily", "bursty")
ARMS = (HPA, HPA_VPA, OURS)
# Together at most 0.6 of a core, so that two cores bear it beside load and servers.
REPLICAS_MAX, CPU_MAX_M = 4, 150
FIELDS = ("reward", "violation", "cpu_utilisation", "memory_utilisation", "oom_kills")
COLUMNS = ("reward", "violated", "CPU used", "mem used", "kills")


def rates_of(profile: str, mean_per_s: float, seconds: int) -> FloatArray:
    """Requests per second over `seconds`, one value a second."""
    if profile == "daily":
        shape = RateShape(1.3 * mean_per_s, daily=0.6, phase=0.75, noise=0.08)
        day = rate_series(shape, np.random.default_rng(1), DAY_S)
        return day[(np.arange(seconds) * DAY_S) // seconds]
    shape = RateShape(mean_per_s, bursts_per_hour=30, burst_height=1.6)
    return rate_series(shape, np.random.default_rng(2))[:seconds]


def bounded_telemetry(folder: Path) -> Path:
    """The recordings with bounds that fit two shared cores."""
    shutil.copytree(RECORDINGS, folder)
    workloads = [
        replace(
            workload,
            bounds=replace(workload.bounds, replicas_max=REPLICAS_MAX, cpu_max_m=CPU_MAX_M),
        )
        for workload in load_workloads(RECORDINGS / "workloads.yaml")
    ]
    (folder / "workloads.yaml").write_text(dump_workloads(workloads))
    return folder


def service_of(key: str) -> Service:
    """The recorded service of this name, with the benchmark's bounds. Raises UserError."""
    for service in SERVICES:
        if service.key == key:
            return replace(service, replicas_max=REPLICAS_MAX, cpu_max_m=CPU_MAX_M)
    names = ", ".join(service.key for service in SERVICES)
    raise UserError(f"--service {key} was not recorded: give one of {names}")


def learned(options: argparse.Namespace, work: Path, say: Callable[[str], None]) -> Contest:
    """What the run knows of the service; makes the run where none was named."""
    if options.run is not None:
        return contest_of(options.run, options.store, options.service)
    telemetry = bounded_telemetry(work / "telemetry")
    say("learning from the recording (some minutes)")
    command = (
        f"run --telemetry {telemetry} --output {work / 'runs'} --store {work / 'store'} --quiet"
    )
    subprocess.run(
        [sys.executable, "-c", "from pipelines.cli import main; main()", *command.split()],
        stdout=subprocess.DEVNULL,
        check=True,
    )
    return contest_of(work / "runs" / "latest", work / "store", options.service)


async def contest(rig: Rig, rates: dict[str, FloatArray]) -> dict[str, dict[str, Measured]]:
    """Every arm under every profile, one after the other."""
    measured: dict[str, dict[str, Measured]] = {}
    for profile, course in rates.items():
        measured[profile] = {}
        for arm in ARMS:
            rig.say(f"{profile}: {TITLES[arm]}, {len(course) / 60:g} minutes")
            measured[profile][arm] = await play(rig, arm, course, profile)
            show(TITLES[arm], measured[profile][arm])
    return measured


def show(title: str, one: Measured) -> None:
    """One row."""
    print(_row(title, one.figures) + _requests(one), flush=True)


def _row(title: str, figures: dict[str, float]) -> str:
    numbers = "".join(f"{figures[field]:10.3f}" for field in FIELDS)
    cores_s, gib_s = 3600 * figures["core_hours"], 3600 * figures["gib_hours"]
    return f"  {title:24}{numbers}{cores_s:10.1f}{gib_s:10.2f}{figures['actions_per_hour']:10.1f}"


def _requests(one: Measured) -> str:
    share = one.requests.missed / max(one.requests.total, 1)
    return f"{one.requests.total:9d}{share:9.2%}   load {one.load[0]:.1f}-{one.load[1]:.1f}"


def table(
    contest: Contest, measured: dict[str, dict[str, Measured]], rates: dict[str, FloatArray]
) -> dict[str, float]:
    """Prints real and twin's figures side by side; returns the JSON line's keys."""
    agree = []
    header = "".join(f"{name:>10}" for name in (*COLUMNS, "core-s", "GiB-s", "actions/h"))
    for profile, arms in measured.items():
        real = {arm: one.figures for arm, one in arms.items()}
        twin = twin_figures(contest, rates[profile])
        print(f"\n{profile}, real service\n  {'':24}{header} requests   missed")
        for arm, one in arms.items():
            show(TITLES[arm], one)
            print(f"  {'':24}kernel's OOM kills {one.kernel_kills}; {one.last_word}")
        print(f"{profile}, twin")
        for arm, figures in twin.items():
            print(_row(TITLES[arm], figures))
        for field in ("reward", "violation", "core_hours"):
            orders = [" > ".join(ranking(figures, field)) for figures in (real, twin)]
            print(f"  by {field}: real {orders[0]}; twin {orders[1]}")
        agree.append(ranking(real) == ranking(twin))
    mean = {arm: _mean([arms[arm].figures for arms in measured.values()]) for arm in ARMS}
    best = max((HPA, HPA_VPA), key=lambda arm: mean[arm]["reward"])
    hpa, ours = mean[best], mean[OURS]
    return {
        "violation_tuned": hpa["violation"],
        "violation_ours": ours["violation"],
        "core_seconds_tuned": 3600 * hpa["core_hours"],
        "core_seconds_ours": 3600 * ours["core_hours"],
        "memory_seconds_tuned": 3600 * hpa["gib_hours"],
        "memory_seconds_ours": 3600 * ours["gib_hours"],
        "ranking_agrees": float(all(agree)),
    }


def _mean(courses: Sequence[Mapping[str, float]]) -> dict[str, float]:
    return {field: float(np.mean([one[field] for one in courses])) for field in courses[0]}


def parser() -> argparse.ArgumentParser:
    """The command line's."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="2 minutes a course: a look")
    parser.add_argument("--minutes", type=float, default=20.0, help="of a course (default 20)")
    parser.add_argument("--service", default="shop/catalog", help="a recorded one")
    parser.add_argument("--profiles", default=",".join(PROFILES), help="separated by commas")
    parser.add_argument("--run", type=Path, help="a finished run of `aware run` with --store")
    parser.add_argument("--store", type=Path, help="the folder that it was published to")
    parser.add_argument("--work", type=Path, help="folder to keep (default: a temporary one)")
    return parser


def main() -> int:
    """Measure and print."""
    options = parser().parse_args()
    if reason := podman.missing_programs() or podman.missing_rights():
        print(f"closed_loop: {reason}", file=sys.stderr)
        return 2
    try:
        service = service_of(options.service)
    except UserError as error:
        print(f"closed_loop: {error}", file=sys.stderr)
        return 2
    seconds = 120 if options.quick else int(60 * options.minutes)
    with tempfile.TemporaryDirectory() as temporary:
        work = (options.work or Path(temporary)).resolve()
        work.mkdir(parents=True, exist_ok=True)
        known = learned(options, work, _say)
        rates = {
            name: rates_of(name, service.rate.mean_per_s, seconds)
            for name in options.profiles.split(",")
        }
        accepted = (
            "accepted" if known.accepted else "refused: it would not act outside of a benchmark"
        )
        print(f"{options.service}: the gate's verdict on this policy is {accepted}")
        for arm, incumbent in known.incumbents.items():
            replicas, cpu_m, memory = map(round, incumbent.allocation)
            size = f"{replicas} x {cpu_m}m, {memory >> 20}Mi"
            print(f"{TITLES[arm]}: target {incumbent.target:.2f}, begins with {size}")
        work_id = hashlib.sha256(str(work).encode()).hexdigest()[:12]
        podman.remove_leftovers(work_id)
        (work / "api-server").mkdir(exist_ok=True)
        with running_cluster(podman.CACHE / "kube" / "bin", work / "api-server") as cluster:
            install_crd(cluster)
            rig = Rig(cluster, images.build(), work, work_id, service, known, _say)
            measured = asyncio.run(contest(rig, rates))
        keys = table(known, measured, rates)
    print(json.dumps({name: round(value, 4) for name, value in keys.items()}))
    return 0


def _say(line: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {line}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
