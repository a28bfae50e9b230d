"""What a run's stages found, read from their outputs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from components.artifacts.files import read_json
from pipelines.runs import RunFolder

AUTOSCALING, RETRAINING = "autoscaling", "retraining"


@dataclass(frozen=True, slots=True)
class PathFacts:
    """One pass from telemetry to manifests; a stage that didn't run leaves its part empty.

    The dictionaries are the stages' JSON documents; `manifests` is YAML by file name; pictures
    are PNG.
    """

    quality: dict[str, Any]
    errors: dict[str, Any]
    embeddings: dict[str, Any]
    twins: dict[str, Any]
    curve: dict[str, Any]
    adapted: dict[str, Any]
    validation: dict[str, Any]
    traces: dict[str, Any]
    rollout: dict[str, Any]
    manifests: dict[str, str]
    map_png: bytes
    curve_png: bytes

    @property
    def verdicts(self) -> dict[str, Any]:
        """Return validation's entries by workload, empty where nothing was validated."""
        found: dict[str, Any] = self.validation.get("workloads", {})
        return found


@dataclass(frozen=True, slots=True)
class Facts:
    """All of a run: what was asked, the first pass, the drift check, and what was retrained."""

    arguments: dict[str, Any]
    first: PathFacts
    drift: dict[str, Any]
    drift_png: bytes
    again: PathFacts


def read_facts(run: RunFolder, arguments: dict[str, Any]) -> Facts:
    """Return what the run's stages found; raises UserError for a truncated file."""
    drift = run.stage(RETRAINING, "drift_check")
    return Facts(
        arguments=arguments,
        first=_pass(run.path / AUTOSCALING),
        drift=_document(drift / "drift.json"),
        drift_png=_bytes(drift / "drift.png"),
        again=_pass(run.path / RETRAINING),
    )


def _pass(folder: Path) -> PathFacts:
    manifests = sorted((folder / "rollout" / "manifests").glob("*.yaml"))
    return PathFacts(
        quality=_document(folder / "ingestion" / "quality.json"),
        errors=_document(folder / "embedding" / "errors.json"),
        embeddings=_document(folder / "embedding" / "embeddings.json"),
        twins=_document(folder / "embedding" / "twins.json"),
        curve=_document(folder / "meta_training" / "curve.json"),
        adapted=_document(folder / "fine_tuning" / "adapted.json"),
        validation=_document(folder / "validation" / "validation.json"),
        traces=_document(folder / "validation" / "traces.json"),
        rollout=_document(folder / "rollout" / "rollout.json"),
        manifests={path.name: path.read_text(encoding="utf-8") for path in manifests},
        map_png=_bytes(folder / "embedding" / "map.png"),
        curve_png=_bytes(folder / "meta_training" / "curve.png"),
    )


def _document(path: Path) -> dict[str, Any]:
    if not path.exists():
        return {}
    value: dict[str, Any] = read_json(path)
    return value


def _bytes(path: Path) -> bytes:
    return path.read_bytes() if path.exists() else b""
