"""Record real services under real load: `python -m tests.recorder --minutes 62 --output DIR`."""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from components.errors import UserError
from tests.recorder import images, podman
from tests.recorder.derive import write_recording
from tests.recorder.prometheus import Prometheus, is_ready
from tests.recorder.recording import Recorder
from tests.recorder.run import Run, read_run
from tests.recorder.schedule import PACES
from tests.recorder.services import PLANS, Service


def parser() -> argparse.ArgumentParser:
    """Return the command line's parser."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.recorder",
        description="Run small services in containers with real limits under real load, change"
        " their replicas, CPU and memory, let a real Prometheus scrape them, and write Parquet.",
    )
    parser.add_argument("--output", type=Path, required=True, help="folder for the Parquet files")
    parser.add_argument("--minutes", type=float, default=62.0, help="length (default 62)")
    parser.add_argument("--plan", choices=sorted(PLANS), default="main", help="which services")
    parser.add_argument("--services", default="", help="only these names, separated by commas")
    parser.add_argument("--work", type=Path, help="work folder (default OUTPUT-work)")
    parser.add_argument("--seed", type=int, default=0, help="of rates and changes (default 0)")
    parser.add_argument(
        "--offset-minutes", type=float, default=0.0, help="where in the rates to begin (default 0)"
    )
    parser.add_argument(
        "--pace", choices=sorted(PACES), default="calm", help="of the changes (default calm)"
    )
    parser.add_argument(
        "--derive", action="store_true", help="record nothing: write Parquet of the work folder"
    )
    return parser


def chosen(plan: str, names: str) -> tuple[Service, ...]:
    """Return the plan's services, only those named if any are. Raises UserError."""
    wanted = [name.strip() for name in names.split(",") if name.strip()]
    known = {service.name: service for service in PLANS[plan]}
    unknown = [name for name in wanted if name not in known]
    if unknown:
        raise UserError(f"--services {', '.join(unknown)}: plan {plan} has {', '.join(known)}")
    return tuple(known[name] for name in wanted) if wanted else PLANS[plan]


def record(run: Run, output: Path) -> bool:
    """Record and write the Parquet files; returns whether it went to its planned end.

    Raises RigError, UserError.
    """
    if reason := podman.missing_programs() or podman.missing_rights():
        raise podman.RigError(reason)
    run.work.mkdir(parents=True, exist_ok=True)
    _say("building the images")
    image = images.build()
    if left := podman.remove_leftovers(run.work_id):
        _say(f"removed {left} containers that an earlier recording left")

    async def go() -> bool:
        recorder = Recorder(run, image, _say)
        try:
            recorded = await recorder.record()
            if recorded.complete and recorder.prometheus:
                await asyncio.to_thread(
                    write_recording,
                    recorder.prometheus.url,
                    run.services,
                    recorded.start_s,
                    recorded.end_s,
                    run.work,
                    output,
                )
            return recorded.complete
        finally:
            if recorder.prometheus:
                recorder.prometheus.stop()

    return asyncio.run(go())


def derive_again(work: Path, output: Path, services: Sequence[Service]) -> None:
    """Write the Parquet files of what the work folder's Prometheus holds. Raises RigError."""
    recorded = read_run(work)
    services = [service for service in services if service.key in recorded.services]
    if is_ready(recorded.prometheus_url):  # it is still being recorded
        end_s = recorded.end_s if recorded.complete else int(time.time())
        write_recording(recorded.prometheus_url, services, recorded.start_s, end_s, work, output)
        return
    server = Prometheus(work, None)
    server.start()
    try:
        write_recording(server.url, services, recorded.start_s, recorded.end_s, work, output)
    finally:
        server.stop()


def _say(line: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {line}", flush=True)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns 0, 1 (stopped before its end) or 2 (an error, in one line)."""
    options = parser().parse_args(arguments)
    work = options.work or options.output.with_name(f"{options.output.name}-work")
    try:
        services = chosen(options.plan, options.services)
        if options.derive:
            derive_again(work, options.output, services)
            return 0
        run = Run(
            services,
            int(options.minutes * 60),
            work,
            options.seed,
            int(options.offset_minutes * 60),
            PACES[options.pace],
        )
        if record(run, options.output):
            _say(f"written to {options.output}")
            return 0
        _say(f"stopped early: nothing written; {work} keeps what was scraped (--derive)")
        return 1
    except (podman.RigError, UserError) as error:
        print(f"tests.recorder: {error}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
