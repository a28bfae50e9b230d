"""What the check reads: two datasets, the twins of the first, validation's promises."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from components.artifacts.files import read_json
from components.cluster.compiled import FloatArray
from components.cluster.twin import from_json
from components.drift_check.findings import Promise
from components.errors import UserError
from components.workload.spec import Workload, load_workloads
from components.workload.telemetry import read_telemetry, telemetry_file

Dataset = dict[str, tuple[Workload, pd.DataFrame]]


def read_dataset(folder: Path) -> Dataset:
    """Return workload and telemetry by key; raises UserError for what is missing or broken."""
    workloads = load_workloads(folder / "workloads.yaml")
    return {
        workload.key: (workload, read_telemetry(telemetry_file(folder, workload)))
        for workload in workloads
    }


def read_twins(embedding: Path) -> dict[str, FloatArray]:
    """Return each twin's best parameters [P]: of its first member, fitted to all the telemetry.

    Raises UserError for a missing or broken twins.json.
    """
    path = embedding / "twins.json"
    document = read_json(path)
    if not isinstance(document, dict):
        raise UserError(f"{path} holds no twins: run the embedding stage again")
    return {key: from_json(twin).members[0] for key, twin in document.items()}


def read_promises(validation: Path | None) -> dict[str, Promise]:
    """Return by key the share of SLO violations that validation saw under the policy."""
    if validation is None:
        return {}
    path = validation / "validation.json"
    document: Any = read_json(path)
    try:
        return {key: promise_of(one["rows"]) for key, one in document["workloads"].items()}
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise UserError(f"{path} promises nothing: run the validation stage again") from error


def promise_of(rows: Mapping[str, Any]) -> Promise:
    """Return the promise in validation's rows of a workload; raises KeyError where it lacks."""
    share = rows["policy"]["violation"]
    return Promise(float(share["mean"]), float(share["low"]), float(share["high"]))
