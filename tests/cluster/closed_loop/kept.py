"""What courses came to, kept in the work folder as they end, so that a run that is cut says it."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from tests.cluster.closed_loop.course import Measured
from tests.cluster.closed_loop.courses import Course
from tests.cluster.closed_loop.figures import Requests

_FILE = "courses.jsonl"


@dataclass(frozen=True, slots=True)
class Played:
    """A course and what each arm made of it."""

    course: Course
    measured: dict[str, Measured]


def keep(work: Path, course: Course, measured: dict[str, Measured]) -> None:
    """Adds a line for each arm."""
    with (work / _FILE).open("a") as rows:
        for arm, one in measured.items():
            rows.write(json.dumps({"course": course.name, "arm": arm, **asdict(one)}) + "\n")


def kept(work: Path, repeats: list[list[Course]]) -> list[Played]:
    """Those of the courses that were played, in their order."""
    found: dict[str, dict[str, Measured]] = {}
    for line in (work / _FILE).read_text().splitlines():
        row = json.loads(line)
        found.setdefault(row["course"], {})[row["arm"]] = Measured(
            row["figures"], Requests(**row["requests"]), tuple(row["load"]), row["last_word"]
        )
    courses = [course for repeat in repeats for course in repeat]
    return [Played(course, found[course.name]) for course in courses if course.name in found]
