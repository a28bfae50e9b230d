"""HPA, HPA + VPA and this product on one real service in containers, behind a real API server.

python -m tests.benchmarks.closed_loop [--quick] [--minutes 20] [--repeats 2]

Under two courses of request rates (a day compressed to the course's length, and bursts at their
natural speed), each some times with rates of its own, three arms run at the same time, each on
pods of its own: HPA tuned, HPA + VPA on memory tuned, and the recommender with its policy live.
The service is the recorded one; policy, twin and tuned incumbents come from its recording (`aware
run`, made first where --run names no finished one). Real are the API server and its controllers,
containers with limits, load, Prometheus, recommender and actuator. As root; see tests/recorder.

Rows come as courses end, a table and a JSON line after each repeat: the last line holds all of
them. "tuned" is the better by reward of the two tuned incumbents, CPU in core-seconds and memory
in GiB-seconds a course, both means of the courses. ranking_agrees is 1 where reality reverses no
pair of arms that the twin orders alike in 95 % of its episodes of the same courses, and there is
such a pair (pairs_sure, pairs_agree: how many); ranking_same compares the whole orders of means,
ties and all.
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
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("NUMBA_NUM_THREADS", "1")

from components.errors import UserError
from components.workload.spec import dump_workloads, load_workloads
from tests.cluster.api_server import running_cluster
from tests.cluster.closed_loop.arms import HPA, HPA_VPA, OURS, TITLES, Contest, contest_of
from tests.cluster.closed_loop.course import Rig
from tests.cluster.closed_loop.courses import PROFILES, Course, courses_of, play_together
from tests.cluster.closed_loop.kept import Played, keep, kept
from tests.cluster.closed_loop.picture import draw, frames_of
from tests.cluster.closed_loop.report import keys_of, show_profile
from tests.cluster.workloads import install_crd
from tests.recorder import images, podman
from tests.recorder.services import SERVICES, Service

RECORDINGS = Path(__file__).parents[2] / "images" / "synthetic_app" / "recordings"
ARMS = (HPA, HPA_VPA, OURS)
# Three arms together at most 1.8 cores, and at these rates less than one: two cores bear it
# beside load and servers.
REPLICAS_MAX, CPU_MAX_M = 4, 150


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


def begin(known: Contest, key: str) -> None:
    """Prints what each arm begins with."""
    accepted = "accepted" if known.accepted else "refused: it would not act outside of a benchmark"
    print(f"{key}: the gate's verdict on this policy is {accepted}")
    for arm, incumbent in known.incumbents.items():
        replicas, cpu_m, memory = map(round, incumbent.allocation)
        size = f"{replicas} x {cpu_m}m, {memory >> 20}Mi"
        print(f"{TITLES[arm]}: target {incumbent.target:.2f}, begins with {size}")


async def contest(rigs: dict[str, Rig], repeats: list[list[Course]]) -> None:
    """Every course, the arms at once; prints as they end and keeps the rows in courses.jsonl."""
    known, work = rigs[OURS].contest, rigs[OURS].work
    played: list[Played] = []
    for number, courses in enumerate(repeats, 1):
        for course in courses:
            _say(f"{course.name}: {len(course.rates_per_s) / 60:g} minutes")
            measured = await play_together(rigs, course, _say)
            played.append(Played(course, measured))
            keep(work, course, measured)
        print(f"\nafter {number} of {len(repeats)} repeats")
        tell(known, played, work)


def tell(known: Contest, played: list[Played], work: Path) -> None:
    """Prints the tables and the JSON line, and draws what the arms did."""
    for profile in sorted({one.course.profile for one in played}):
        show_profile(known, [one for one in played if one.course.profile == profile])
    picture = work / "courses.png"
    draw(frames_of(work, [one.course.name for one in played]), known, picture)
    print(f"  what the arms did: {picture}")
    keys = keys_of(known, played)
    print(json.dumps({name: round(value, 4) for name, value in keys.items()}), flush=True)


def parser() -> argparse.ArgumentParser:
    """The command line's."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="2 minutes a course, once: a look")
    parser.add_argument("--minutes", type=float, default=20.0, help="of a course (default 20)")
    parser.add_argument("--repeats", type=int, default=2, help="of each course (default 2)")
    parser.add_argument("--service", default="shop/catalog", help="a recorded one")
    parser.add_argument("--profiles", default=",".join(PROFILES), help="separated by commas")
    parser.add_argument("--run", type=Path, help="a finished run of `aware run` with --store")
    parser.add_argument("--store", type=Path, help="the folder that it was published to")
    parser.add_argument(
        "--again", action="store_true", help="play nothing: what the folder --work holds"
    )
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
    repeats = courses_of(
        options.profiles.split(","),
        service.rate.mean_per_s,
        seconds,
        1 if options.quick else options.repeats,
    )
    with tempfile.TemporaryDirectory() as temporary:
        work = (options.work or Path(temporary)).resolve()
        work.mkdir(parents=True, exist_ok=True)
        known = learned(options, work, _say)
        begin(known, options.service)
        if options.again:
            tell(known, kept(work, repeats), work)
            return 0
        with ExitStack() as running:
            rigs = {arm: running.enter_context(rig_of(arm, work, service, known)) for arm in ARMS}
            asyncio.run(contest(rigs, repeats))
    return 0


@contextmanager
def rig_of(arm: str, work: Path, service: Service, known: Contest) -> Iterator[Rig]:
    """What an arm runs on, with an API server of its own: the controllers act on a whole one."""
    work_id = hashlib.sha256(f"{work} {arm}".encode()).hexdigest()[:12]
    podman.remove_leftovers(work_id)
    folder = work / f"api-server-{arm}"
    folder.mkdir(exist_ok=True)
    with running_cluster(podman.CACHE / "kube" / "bin", folder) as cluster:
        install_crd(cluster)
        yield Rig(cluster, images.build(), work, work_id, service, known, _say)


def _say(line: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {line}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
