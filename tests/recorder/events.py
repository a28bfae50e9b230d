"""What happened while recording: a log in the work folder, and its incidents as a page."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from tests.recorder.schedule import EXPLORE, Allocation
from tests.recorder.services import MIB

OOM_KILLED = "OOMKilled"
_FILE = "events.jsonl"
_MEANING = {
    "starve": "less CPU than the load asks for",
    "squeeze": "memory close to what is in use, and little CPU",
    "cold start": "one pod alone, then new pods beside it",
    OOM_KILLED: "killed by the kernel for memory, restarted",
    "Error": "ended by itself, restarted",
    "resize refused": "the kernel refused the new limits",
    "restart failed": "the container didn't start again",
}


@dataclass(frozen=True, slots=True)
class Event:
    """At `time_s` (since 1970) this happened to the workload."""

    time_s: float
    kind: str
    workload: str
    detail: str


def note(work: Path, kind: str, workload: str, detail: str) -> None:
    """Append an event of this moment to the work folder's log."""
    event = Event(round(time.time(), 1), kind, workload, detail)
    with (work / _FILE).open("a", encoding="utf-8") as log:
        log.write(json.dumps(asdict(event)) + "\n")


def read_events(work: Path) -> list[Event]:
    """Return the log's events in their order; none without a log."""
    try:
        lines = (work / _FILE).read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return []
    return [Event(**json.loads(line)) for line in lines]


def written(allocation: Allocation) -> str:
    """Return the allocation as a reader of Kubernetes writes it."""
    memory = allocation.memory_bytes // MIB
    return f"{allocation.replicas} x {allocation.cpu_m}m, {memory}Mi"


def incidents_page(events: Iterable[Event], start_s: float, end_s: float) -> str:
    """Return Markdown: every incident from start to end, changes of plan left out."""
    rows = [
        f"| {datetime.fromtimestamp(event.time_s, UTC):%H:%M:%S} | {event.workload} |"
        f" {event.kind} | {event.detail} |"
        for event in events
        if start_s <= event.time_s <= end_s and event.kind != EXPLORE
    ]
    kinds = [f"- {kind}: {meaning}" for kind, meaning in _MEANING.items()]
    return "\n".join(
        [
            "# Incidents",
            "On purpose (starve, squeeze, cold start, each until the service's next change) and"
            f" what came of them. {datetime.fromtimestamp(start_s, UTC):%Y-%m-%d}, UTC.",
            "",
            *kinds,
            "",
            "| time | service | incident | detail |",
            "|---|---|---|---|",
            *rows,
            "",
        ]
    )
