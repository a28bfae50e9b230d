"""Labelled incidents of public traces: how many the drift check's scan finds, and how purely."""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from components.cluster.compiled import FloatArray
from components.drift_check.calibration import Calibration, calibrate
from components.drift_check.rhythm import rhythm_of
from components.drift_check.scan import scan

DATA = Path(__file__).parents[3] / "shared" / "data"
WITHIN_S = 12 * 3600.0
_HISTORY_SHARE = 0.35
_ALARMS_PER_MONTH = 0.1
_SAME_ALARM_S = 86400.0
_NAB_FOLDERS = ("realAWSCloudwatch", "realKnownCause", "realTweets")


@dataclass(frozen=True, slots=True)
class Trace:
    """A series [T] at equal steps, and its labelled incidents as (start, end) in seconds."""

    values: FloatArray
    time_s: FloatArray
    incidents: list[tuple[float, float]]


def incident_lines(rng: np.random.Generator) -> dict[str, dict[str, float | int | None]]:
    """Print and return recall and precision on both sources; {} where they are absent."""
    found = {}
    for name, traces in (("nab", _nab), ("ms_cloud_monitoring", _ms_cloud_monitoring)):
        if not (DATA / name).is_dir():
            print(f"labelled incidents: no {name} in {DATA.name}, left out")
            continue
        told = _score(traces(), rng)
        found[name] = told
        print(f"labelled incidents of {name}, found within {WITHIN_S / 3600:.0f} h: {told}")
    return found


def _score(traces: list[Trace], rng: np.random.Generator) -> dict[str, float | int | None]:
    """An incident is found by an alarm from its start to 12 h after; other alarms are false."""
    hits = incidents = right = alarms = 0
    days = 0.0
    for trace in traces:
        now, time_s, calibration = _learned(trace, rng)
        evidence = scan(now, calibration.model).evidence
        told = _apart(time_s[evidence > calibration.threshold(_ALARMS_PER_MONTH)])
        tested = [one for one in trace.incidents if one[0] >= time_s[0]]
        reach = [(start, max(end, start + WITHIN_S)) for start, end in tested]
        hits += sum(any(s <= one <= s + WITHIN_S for one in told) for s, _ in tested)
        right += sum(any(s <= one <= e for s, e in reach) for one in told)
        incidents, alarms = incidents + len(tested), alarms + len(told)
        days += float(time_s[-1] - time_s[0]) / 86400.0
    return {
        "traces": len(traces),
        "incidents": incidents,
        "alarms": alarms,
        "recall": round(hits / incidents, 3) if incidents else None,
        "precision": round(right / alarms, 3) if alarms else None,
        "days": round(days),
    }


def _learned(trace: Trace, rng: np.random.Generator) -> tuple[FloatArray, FloatArray, Calibration]:
    """Return what comes after the history, without the rhythm, its times, and the calibration."""
    split = int(_HISTORY_SHARE * len(trace.values))
    history, time_s = trace.values[:split], trace.time_s[:split]
    rhythm = rhythm_of(history, time_s)
    step_s = float(np.median(np.diff(trace.time_s)))
    calibration = calibrate(history - rhythm.at(time_s), rhythm, step_s, rng)
    later_s = trace.time_s[split:]
    return trace.values[split:] - rhythm.at(later_s), later_s, calibration


def trace_lines(rng: np.random.Generator) -> dict[str, float]:
    """Print and return how the scan does on real traces, labelled incidents left out, with steps.

    A step of so many of the history's deviations is added from a random time on, ten times for
    each trace and size; {} where the traces are absent.
    """
    traces = [
        trace
        for name, read in (("nab", _nab), ("ms_cloud_monitoring", _ms_cloud_monitoring))
        if (DATA / name).is_dir()
        for trace in read()
    ]
    if not traces:
        return {}
    alarms, days = 0, 0.0
    found: dict[str, list[bool]] = {"half_sigma": [], "one_sigma": []}
    for trace in traces:
        now, time_s, calibration = _learned(trace, rng)
        for start, end in trace.incidents:
            now = np.where((time_s >= start) & (time_s <= end), np.nan, now)
        limit = calibration.threshold(_ALARMS_PER_MONTH)
        alarms += len(_apart(time_s[scan(now, calibration.model).evidence > limit]))
        days += float(time_s[-1] - time_s[0]) / 86400.0
        for name, size, within_s in (("half_sigma", 0.5, 43200.0), ("one_sigma", 1.0, 21600.0)):
            for onset_s in rng.uniform(time_s[0], max(time_s[-1] - within_s, time_s[0]), 10):
                step = np.where(time_s >= onset_s, size * calibration.model.deviation, 0.0)
                told = time_s[scan(now + step, calibration.model).evidence > limit]
                found[name].append(bool(((told >= onset_s) & (told <= onset_s + within_s)).any()))
    keys = {"false_alarms_per_month": round(30.0 * alarms / days, 3), "days": round(days)}
    keys |= {f"power_{name}": round(float(np.mean(one)), 3) for name, one in found.items()}
    print(f"steps added to {len(traces)} real traces: {keys}")
    return keys


def _apart(times_s: FloatArray) -> list[float]:
    kept: list[float] = []
    for time_s in times_s:
        if not kept or time_s - kept[-1] > _SAME_ALARM_S:
            kept.append(float(time_s))
    return kept


def _nab() -> list[Trace]:
    windows = json.loads((DATA / "nab" / "labels" / "combined_windows.json").read_text())
    traces = []
    for folder in _NAB_FOLDERS:
        for path in sorted((DATA / "nab" / folder).glob("*.csv")):
            frame = pd.read_csv(path, parse_dates=["timestamp"])
            labels = [
                (_seconds(pd.Series(pd.to_datetime(one))))
                for one in windows[f"{folder}/{path.name}"]
            ]
            traces.append(_trace(frame, [(float(one[0]), float(one[1])) for one in labels]))
    return traces


def _ms_cloud_monitoring() -> list[Trace]:
    traces = []
    for path in sorted((DATA / "ms_cloud_monitoring").rglob("*.csv.gz")):
        frame = pd.read_csv(path)
        frame.columns = ["timestamp", "value", "label"][: frame.shape[1]]
        frame["timestamp"] = pd.to_datetime(frame["timestamp"]).dt.tz_localize(None)
        time_s = _seconds(frame["timestamp"])
        marked = np.flatnonzero(frame["label"].to_numpy() > 0)
        runs = np.split(marked, np.flatnonzero(np.diff(time_s[marked]) > 3600.0) + 1)
        labels = [(time_s[run[0]], time_s[run[-1]]) for run in runs if len(run)]
        traces.append(_trace(frame, labels))
    return traces


def _trace(frame: pd.DataFrame, incidents: list[tuple[float, float]]) -> Trace:
    values = np.log1p(np.maximum(frame["value"].to_numpy(dtype=np.float64), 0.0))
    return Trace(values, _seconds(frame["timestamp"]), incidents)


def _seconds(times: pd.Series) -> FloatArray:
    return times.astype("datetime64[ns]").astype("int64").to_numpy() / 1e9
