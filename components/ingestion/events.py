"""What is known to have happened to the workloads, beside the dataset: maintenance, new images.

events.json holds `maintenance`, a list of [start, end], and `new_images`, lists of times by
workload; times are ISO 8601. The drift check leaves maintenance out and begins anew with a new
image.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from components.artifacts.files import read_json, write_json
from components.errors import UserError

EVENTS_FILE = "events.json"
Times = Mapping[str, Sequence[str]]


@dataclass(frozen=True, slots=True)
class Events:
    """Times of maintenance (start, end), and of new images by workload key, as ISO texts."""

    maintenance: tuple[tuple[str, str], ...] = ()
    new_images: Times = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Return them as JSON's types, sorted."""
        return {
            "maintenance": sorted(map(list, self.maintenance)),
            "new_images": {key: sorted(set(times)) for key, times in self.new_images.items()},
        }


def events_of(
    maintenance: Iterable[tuple[datetime, datetime]], new_images: Mapping[str, Sequence[int]]
) -> Events:
    """Return the events; images by their times in ms since 1970."""
    return Events(
        tuple((start.isoformat(), end.isoformat()) for start, end in maintenance),
        {
            key: [datetime.fromtimestamp(time_ms / 1000, UTC).isoformat() for time_ms in times]
            for key, times in new_images.items()
            if times
        },
    )


def read_events(folder: Path) -> Events:
    """Return the events that lie in the folder, none without a file of them.

    Raises UserError for one that holds something else.
    """
    path = folder / EVENTS_FILE
    if not path.exists():
        return Events()
    value = read_json(path)
    try:
        return Events(
            tuple((str(start), str(end)) for start, end in value.get("maintenance", ())),
            {
                str(key): [str(t) for t in times]
                for key, times in value.get("new_images", {}).items()
            },
        )
    except (AttributeError, TypeError, ValueError) as error:
        raise UserError(f"{path} holds no events ({error}); correct or remove it") from error


def together(several: Iterable[Events]) -> Events:
    """Return the events of all."""
    maintenance: dict[tuple[str, str], None] = {}
    new_images: dict[str, list[str]] = {}
    for one in several:
        maintenance |= dict.fromkeys(one.maintenance)
        for key, times in one.new_images.items():
            new_images.setdefault(key, []).extend(times)
    return Events(tuple(maintenance), new_images)


def write_events(folder: Path, events: Events) -> None:
    """Write the events into the folder, if there are any."""
    if events.maintenance or events.new_images:
        write_json(folder / EVENTS_FILE, events.to_json())
