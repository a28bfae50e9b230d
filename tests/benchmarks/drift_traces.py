"""Public traces with labelled incidents: read, and put into halves by their names."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from components.cluster.compiled import FloatArray

DATA = Path(__file__).parents[3] / "shared" / "data"
_NAB_FOLDERS = ("realAWSCloudwatch", "realKnownCause", "realTweets")


@dataclass(frozen=True, slots=True)
class Incident:
    """Seconds: an alarm from `begin` to `end` is right; `onset` is when the label says it began."""

    begin: float
    onset: float
    end: float


@dataclass(frozen=True, slots=True)
class Trace:
    """A series [T] (logarithm of 1 + value) with its times in seconds, and its incidents."""

    name: str
    values: FloatArray
    time_s: FloatArray
    incidents: list[Incident]

    @property
    def step_s(self) -> float:
        """The usual step."""
        return float(np.median(np.diff(self.time_s)))

    @property
    def is_held_out(self) -> bool:
        """Whether it is of the half on which nothing was chosen."""
        return int(hashlib.sha256(self.name.encode()).hexdigest(), 16) % 2 == 1


def nab() -> list[Trace]:
    """Numenta's: a window lies around the moment that is labelled, and begins long before it."""
    labels, windows = (
        json.loads((DATA / "nab" / "labels" / f"combined_{name}.json").read_text())
        for name in ("labels", "windows")
    )
    traces = []
    for folder in _NAB_FOLDERS:
        for path in sorted((DATA / "nab" / folder).glob("*.csv")):
            name = f"{folder}/{path.name}"
            frame = pd.read_csv(path, parse_dates=["timestamp"])
            moments = [pd.Timestamp(one).timestamp() for one in labels[name]]
            incidents = []
            for begin, end in windows[name]:
                start, stop = pd.Timestamp(begin).timestamp(), pd.Timestamp(end).timestamp()
                inside = [one for one in moments if start <= one <= stop]
                incidents.append(Incident(start, min(inside, default=start), stop))
            traces.append(_trace(name, frame, incidents))
    return traces


def ms_cloud_monitoring() -> list[Trace]:
    """Microsoft's: each marked stretch is an incident; an hour's pause ends it."""
    traces = []
    for path in sorted((DATA / "ms_cloud_monitoring").rglob("*.csv.gz")):
        frame = pd.read_csv(path)
        frame.columns = ["timestamp", "value", "label"][: frame.shape[1]]
        frame["timestamp"] = pd.to_datetime(frame["timestamp"]).dt.tz_localize(None)
        time_s = _seconds(frame["timestamp"])
        marked = np.flatnonzero(frame["label"].to_numpy() > 0)
        runs = np.split(marked, np.flatnonzero(np.diff(time_s[marked]) > 3600.0) + 1)
        incidents = [
            Incident(float(time_s[run[0]]), float(time_s[run[0]]), float(time_s[run[-1]]))
            for run in runs
            if len(run)
        ]
        traces.append(_trace(f"{path.parent.name}/{path.name}", frame, incidents))
    return traces


SOURCES: dict[str, Callable[[], list[Trace]]] = {
    "nab": nab,
    "ms_cloud_monitoring": ms_cloud_monitoring,
}


def _trace(name: str, frame: pd.DataFrame, incidents: list[Incident]) -> Trace:
    values = np.log1p(np.maximum(frame["value"].to_numpy(dtype=np.float64), 0.0))
    return Trace(name, values, _seconds(frame["timestamp"]), incidents)


def _seconds(times: pd.Series) -> FloatArray:
    return times.astype("datetime64[ns]").astype("int64").to_numpy() / 1e9
