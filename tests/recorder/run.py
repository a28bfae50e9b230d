"""What one recording is: its services, their rates and changes, and the notes that it leaves."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np

from components.artifacts.files import write_text
from tests.recorder.podman import RigError
from tests.recorder.rates import LONGEST_S, FloatArray, rate_series
from tests.recorder.schedule import CALM, Change, Pace, plan
from tests.recorder.services import Service

_PLAN_SEED = 1000
_RUN_FILE = "run.json"


@dataclass(frozen=True, slots=True)
class Run:
    """What is recorded, for how long, and where the work is kept. Raises RigError if too long."""

    services: tuple[Service, ...]
    seconds: int
    work: Path
    seed: int = 0
    offset_s: int = 0  # where in their rate series the services begin
    pace: Pace = field(default=CALM)

    def __post_init__(self) -> None:
        if self.offset_s < 0 or self.seconds < 1 or self.offset_s + self.seconds > LONGEST_S:
            raise RigError(f"a recording with its offset lasts up to {LONGEST_S // 60} minutes")

    @property
    def work_id(self) -> str:
        """Return the label of this work folder's containers."""
        return hashlib.sha256(str(self.work.resolve()).encode()).hexdigest()[:12]


@dataclass(frozen=True, slots=True)
class Recorded:
    """A recording's times in seconds since 1970, and whether it went to its planned end."""

    start_s: int
    end_s: int
    complete: bool
    services: tuple[str, ...]
    prometheus_url: str


def write_run(work: Path, recorded: Recorded) -> None:
    """Keep what is known of the recording beside its database."""
    write_text(work / _RUN_FILE, json.dumps(asdict(recorded), indent=1) + "\n")


def read_run(work: Path) -> Recorded:
    """Return what is known of the work folder's recording. Raises RigError without one."""
    try:
        document = json.loads((work / _RUN_FILE).read_text())
        names = ("start_s", "end_s", "complete", "prometheus_url")
        fields = {name: document[name] for name in names}
        return Recorded(services=tuple(document["services"]), **fields)
    except (OSError, ValueError, KeyError) as error:
        raise RigError(f"{work} holds no recording ({_RUN_FILE}); record first") from error


def rates_of(service: Service, run: Run) -> FloatArray:
    """Return the service's rates per second over the run; the service's name seeds its style."""
    name = int.from_bytes(hashlib.sha256(service.key.encode()).digest()[:4], "big")
    series = rate_series(service.rate, np.random.default_rng([run.seed, name]))
    return series[run.offset_s : run.offset_s + run.seconds]


def plan_of(service: Service, run: Run) -> tuple[Change, ...]:
    """Return the service's changes over the run."""
    number = run.services.index(service)
    rng = np.random.default_rng([run.seed, _PLAN_SEED + run.offset_s, number])
    return plan(service, rates_of(service, run), rng, run.pace)
