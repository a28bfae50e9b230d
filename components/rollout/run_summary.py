"""What ends a run: for each workload what every stage found, was done and why; page and JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

from components.artifacts.files import finished_directory, read_json, write_json, write_text
from components.pictures import page_html, picture_html, table_html

NOTHING = "–"
_HEADER = (
    "Workload",
    "Telemetry",
    "Drift",
    "Retraining",
    "Verdict",
    "Gap to the bound closed",
    "State",
    "Why",
)
_NAMES = ("telemetry", "drift", "retraining", "verdict", "gap_closed", "state")


@dataclass(frozen=True, slots=True)
class RunFigures:
    """How many workloads the run saw, found drifted, accepted and refused a policy of."""

    workloads: int
    drifted: int
    accepted: int
    refused: int


@dataclass(frozen=True, slots=True)
class RunOutputs:
    """The stages' output folders, None for a stage that the run did not need."""

    dataset: Path
    embedding: Path | None = None
    meta_policy: Path | None = None
    validation: Path | None = None
    rollout: Path | None = None
    drift: Path | None = None
    turn: Path | None = None


def write_summary(outputs: RunOutputs, page: Path, record: Path) -> RunFigures:
    """Write the page, and the folder `record` with summary.json; return the run's figures.

    summary.json holds by workload what the page's row says, and the reasons for it.

    Raises UserError when a stage's file is missing or damaged.
    """
    quality = read_json(outputs.dataset / "quality.json")["workloads"]
    drift = _document(outputs.drift, "drift.json")
    validated = _document(outputs.validation, "validation.json").get("workloads", {})
    decided = _document(outputs.rollout, "rollout.json")
    turn = _document(outputs.turn, "turn.json")
    rows = [
        (
            key,
            _usable(quality[key]),
            _drift(drift.get(key)),
            _retraining(turn, key),
            *_verdict(validated.get(key)),
            _state(decided.get(key)),
        )
        for key in sorted(quality)
    ]
    document = {
        row[0]: dict(zip(_NAMES, row[1:], strict=True))
        | {"reasons": _reasons(drift.get(row[0]), decided.get(row[0]))}
        for row in rows
    }
    with finished_directory(record) as finished:
        write_json(finished / "summary.json", document)
    done = sorted(
        ((*row, _why(drift.get(row[0]), decided.get(row[0]))) for row in rows if _is_told(row)),
        key=lambda row: row[4] != "accepted",
    )
    left = [row[:3] for row in rows if not _is_told(row)]
    figures = RunFigures(
        workloads=len(quality),
        drifted=sum(bool(entry["drifted"]) for entry in drift.values()),
        accepted=sum(bool(entry["accepted"]) for entry in decided.values()),
        refused=sum(not entry["accepted"] for entry in decided.values()),
    )
    told = f"<p>{escape(_sentence(figures, outputs, len(left)))}</p>"
    sections = [("What was done, and why", told + (table_html(_HEADER, done) if done else ""))]
    if left:
        sections.append(("Nothing to do", table_html(_HEADER[:3], left)))
    pictures = (
        (outputs.embedding, "map.png", "Map of the workloads by their embedding"),
        (outputs.meta_policy, "curve.png", "Learning curve on held-out applications"),
        (outputs.drift, "drift.png", "What changed since the policy in force was learned"),
    )
    for folder, name, title in pictures:
        if folder is not None and (folder / name).is_file():
            sections.append((title, picture_html((folder / name).read_bytes(), title)))
    write_text(page, page_html("The run", sections))
    return figures


def _is_told(row: Sequence[str]) -> bool:
    """Whether something was found or done: all but usable telemetry of a steady workload."""
    return row[1] != "usable" or row[2] == "drifted" or any(cell != NOTHING for cell in row[3:])


def _sentence(figures: RunFigures, outputs: RunOutputs, left: int) -> str:
    parts = [f"{figures.workloads} workloads"]
    if outputs.drift is not None:
        parts.append(f"{figures.drifted} drifted")
    if outputs.rollout is not None:
        parts.append(f"policies: {figures.accepted} accepted, {figures.refused} refused")
    if left:
        parts.append(f"nothing to do for {left}")
    return "; ".join(parts) + "."


def _why(drift: Mapping[str, Any] | None, decided: Mapping[str, Any] | None) -> str:
    """The drift's first reason, what was decided, and what the gate lacked, if it was refused."""
    told = []
    if drift and drift["drifted"]:
        told += list(drift["reasons"][:1])
    if decided:
        first, *others = decided["reasons"]
        told.append(first)
        if not decided["accepted"]:
            failed = [one for one in others if str(one).endswith("failed.")]
            told += failed or [one for one in others if "not proved" in str(one)]
    return " ".join(f"{str(one).removesuffix('.')}." for one in told)


def _document(folder: Path | None, name: str) -> Mapping[str, Any]:
    document: Mapping[str, Any] = {} if folder is None else read_json(folder / name)
    return document


def _usable(quality: Mapping[str, Any]) -> str:
    return "usable" if quality["usable"] else str(quality["reason"])


def _drift(entry: Mapping[str, Any] | None) -> str:
    if entry is None:
        return NOTHING
    return "drifted" if entry["drifted"] else "steady" if entry["tests"] else "untested"


def _retraining(turn: Mapping[str, Any], key: str) -> str:
    if key in turn.get("admitted", ()):
        return "retrained"
    refused = turn.get("refused", {}).get(key)
    return NOTHING if refused is None else f"not retrained: {refused}"


def _reasons(drift: Mapping[str, Any] | None, decided: Mapping[str, Any] | None) -> list[str]:
    return [str(reason) for entry in (drift, decided) if entry for reason in entry["reasons"]]


def _verdict(entry: Mapping[str, Any] | None) -> tuple[str, str]:
    if entry is None:
        return NOTHING, NOTHING
    gap = entry["gap_closed"]
    verdict = "accepted" if entry["verdict"]["accepted"] else "refused"
    return verdict, NOTHING if gap is None else f"{100 * gap:.0f} %"


def _state(entry: Mapping[str, Any] | None) -> str:
    return NOTHING if entry is None else str(entry["state"])
