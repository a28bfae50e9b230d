"""Labelled incidents of public traces: how many each detector finds, and how purely.

An incident is found by an alarm from its begin to 12 h after its labelled moment; alarms of one day
are one. What is told is of the half of the traces, by the hash of their names, on which neither the
scan over windows nor a threshold was chosen. Many labels are minutes long, which a check for shifts
is to pass over: those that last half an hour are told apart.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from components.cluster.compiled import FloatArray
from components.drift_check.scan import SHORTEST_S
from components.pictures import picture_png
from tests.benchmarks.drift_detectors import DETECTORS, HISTORY_SHARE, RATES, Detector
from tests.benchmarks.drift_traces import DATA, SOURCES, Incident, Trace

WITHIN_S = 12 * 3600.0
_DAY_S = 86400.0
AIM_PER_MONTH = 0.1
# At so many false alarms a month the detectors are compared.
EQUAL_PER_MONTH = (0.3, 1.0, 3.0)


@dataclass(frozen=True, slots=True)
class Score:
    """What one threshold gives on some traces; `lasting` incidents are of half an hour and more."""

    recall: float
    lasting_recall: float | None
    precision: float | None
    false_alarms_per_month: float
    incidents: int
    lasting: int
    alarms: int
    days: float


def score(traces: list[Trace], alarms: list[FloatArray]) -> Score:
    """The score of alarms, trace by trace."""
    found: list[tuple[bool, bool]] = []
    right = told = 0
    days = 0.0
    for trace, times in zip(traces, alarms, strict=True):
        begin_s = float(trace.time_s[int(HISTORY_SHARE * len(trace.time_s))])
        several = apart(times)
        tested = [one for one in trace.incidents if one.onset >= begin_s]
        found += [
            (_lasts(i), any(i.begin <= a <= i.onset + WITHIN_S for a in several)) for i in tested
        ]
        right += sum(
            any(i.begin <= a <= max(i.end, i.onset + WITHIN_S) for i in tested) for a in several
        )
        told += len(several)
        days += float(trace.time_s[-1] - begin_s) / _DAY_S
    lasting = [hit for lasts, hit in found if lasts]
    return Score(
        round(float(np.mean([hit for _, hit in found])), 3) if found else 0.0,
        round(float(np.mean(lasting)), 3) if lasting else None,
        round(right / told, 3) if told else None,
        round(30.0 * (told - right) / days, 2),
        len(found),
        len(lasting),
        told,
        round(days),
    )


def _lasts(incident: Incident) -> bool:
    return incident.end - incident.onset >= SHORTEST_S


def apart(times_s: FloatArray) -> list[float]:
    """The alarms that come more than a day after the one before."""
    kept: list[float] = []
    for time_s in times_s:
        if not kept or time_s - kept[-1] > _DAY_S:
            kept.append(float(time_s))
    return kept


def curve(traces: list[Trace], detector: Detector) -> list[Score]:
    """The scores of a detector at all its thresholds, mildest first."""
    alarms = [detector(trace) for trace in traces]
    return [score(traces, [one[place] for one in alarms]) for place in range(len(alarms[0]))]


def place_for(scores: list[Score], per_month: float) -> int:
    """The mildest threshold with no more than so many false alarms a month; else the strictest."""
    return next(
        (place for place, one in enumerate(scores) if one.false_alarms_per_month <= per_month),
        len(scores) - 1,
    )


def incident_lines(output: Path | None) -> dict[str, object]:
    """Print and return what each detector gives on the held-out halves; {} where data is absent."""
    told: dict[str, object] = {}
    curves: dict[str, dict[str, list[Score]]] = {}
    for source, read in SOURCES.items():
        if not (DATA / source).is_dir():
            print(f"labelled incidents: no {source} in {DATA.name}, left out")
            continue
        traces = read()
        halves = [[one for one in traces if one.is_held_out is kind] for kind in (False, True)]
        chosen, held_out = (
            {name: curve(half, detector) for name, detector in DETECTORS.items()} for half in halves
        )
        curves[source] = held_out
        told[source] = _told(source, halves[1], chosen, held_out)
    if output is not None and curves:
        output.mkdir(parents=True, exist_ok=True)
        (output / "incidents.png").write_bytes(picture(curves))
    return told


def _told(
    source: str,
    traces: list[Trace],
    chosen: dict[str, list[Score]],
    held_out: dict[str, list[Score]],
) -> dict[str, object]:
    as_set = held_out["ours"][RATES.index(AIM_PER_MONTH)]
    print(
        f"{source}, {len(traces)} traces held out, {as_set.incidents} incidents ({as_set.lasting}"
        f" of half an hour and more), {as_set.days:.0f} days, found within {WITHIN_S / 3600:.0f} h"
    )
    print(f"  ours as it is set, {AIM_PER_MONTH} a month: {_line(as_set)}")
    rows: dict[str, object] = {"as_set": _json(as_set)}
    for per_month in EQUAL_PER_MONTH:
        for name, scores in held_out.items():
            found = scores[place_for(chosen[name], per_month)]
            print(f"  set to {per_month} a month on the other half: {name:24} {_line(found)}")
            rows[f"{name} at {per_month}"] = _json(found)
    return rows


def _line(one: Score) -> str:
    return (
        f"recall {one.recall:.2f} (of the lasting {one.lasting_recall}), precision {one.precision},"
        f" {one.false_alarms_per_month} false alarms a month"
    )


def _json(one: Score) -> dict[str, float | None]:
    return {
        "recall": one.recall,
        "lasting_recall": one.lasting_recall,
        "precision": one.precision,
        "false_alarms_per_month": one.false_alarms_per_month,
        "incidents": one.incidents,
        "lasting": one.lasting,
        "alarms": one.alarms,
    }


def picture(curves: dict[str, dict[str, list[Score]]]) -> bytes:
    """Recall over false alarms a month, a panel for each source."""

    def draw(figure: Figure) -> None:
        panels = figure.subplots(1, len(curves), squeeze=False)[0]
        for axes, (source, detectors) in zip(panels, curves.items(), strict=True):
            for name, scores in detectors.items():
                rates = [max(one.false_alarms_per_month, 0.03) for one in scores]
                axes.plot(rates, [one.recall for one in scores], marker=".", label=name)
            axes.set_xscale("log")
            axes.set_xlabel("false alarms a month (none is drawn at .03)")
            axes.set_ylabel(f"share of incidents found within {WITHIN_S / 3600:.0f} h")
            axes.set_title(f"{source}, half held out", loc="left")
        panels[0].legend()

    return picture_png(draw, 11.0, 4.2)
