"""What is known to have happened: maintenance, and new images. Neither is drift by itself."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd
from pydantic import AwareDatetime, BaseModel, ConfigDict, ValidationError

from components.artifacts.files import read_json
from components.errors import UserError
from components.workload.telemetry import COLUMNS

FILE = "events.json"


class _Document(BaseModel):
    model_config = ConfigDict(extra="forbid")

    maintenance: list[tuple[AwareDatetime, AwareDatetime]] = []
    new_images: dict[str, list[AwareDatetime]] = {}


@dataclass(frozen=True, slots=True)
class Events:
    """Windows of maintenance (start, end), and by workload key the times of new images."""

    maintenance: tuple[tuple[pd.Timestamp, pd.Timestamp], ...] = ()
    new_images: dict[str, tuple[pd.Timestamp, ...]] = field(default_factory=dict)


def read_events(dataset: Path) -> Events:
    """Return the events that lie beside a dataset; none without the file.

    Raises UserError for a file that is not valid.
    """
    path = dataset / FILE
    if not path.exists():
        return Events()
    try:
        document = _Document.model_validate(read_json(path))
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise UserError(f"{path}: {place}: {first['msg']}") from error
    return Events(
        tuple((pd.Timestamp(start), pd.Timestamp(end)) for start, end in document.maintenance),
        {key: tuple(map(pd.Timestamp, times)) for key, times in document.new_images.items()},
    )


def without_maintenance(frame: pd.DataFrame, events: Events) -> pd.DataFrame:
    """Return the frame with nothing measured in its steps within maintenance."""
    inside = pd.Series(data=False, index=frame.index)
    for start, end in events.maintenance:
        inside |= (frame["time"] >= start) & (frame["time"] <= end)
    if not inside.any():
        return frame
    out = frame.copy()
    out.loc[inside, list(COLUMNS)] = float("nan")
    return out


def last_new_image(frame: pd.DataFrame, key: str, events: Events) -> pd.Timestamp | None:
    """Return when the workload's last new image within the frame came; None without one."""
    first, last = frame["time"].iloc[0], frame["time"].iloc[-1]
    within = [time for time in events.new_images.get(key, ()) if first < time < last]
    return max(within, default=None)
