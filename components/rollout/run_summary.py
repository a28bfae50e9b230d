"""What ends a run: for each workload what every stage found, was done and why; page and JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
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
    sections = [("Workloads", table_html(_HEADER, rows))]
    pictures = (
        (outputs.embedding, "map.png", "Map of the workloads by their embedding"),
        (outputs.meta_policy, "curve.png", "Learning curve on held-out applications"),
        (outputs.drift, "drift.png", "What changed since the policy in force was learned"),
    )
    for folder, name, title in pictures:
        if folder is not None and (folder / name).is_file():
            sections.append((title, picture_html((folder / name).read_bytes(), title)))
    write_text(page, page_html("The run", sections))
    return RunFigures(
        workloads=len(quality),
        drifted=sum(bool(entry["drifted"]) for entry in drift.values()),
        accepted=sum(bool(entry["accepted"]) for entry in decided.values()),
        refused=sum(not entry["accepted"] for entry in decided.values()),
    )


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
