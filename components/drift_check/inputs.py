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
from components.policy.prices import VIOLATION_PRICE
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


def read_rules(validation: Path | None) -> dict[str, dict[str, float]]:
    """Return by key the rule's parameters of each policy that validation let in.

    A validation of an earlier release, which doesn't tell them, lets none defend its place.
    """
    if validation is None:
        return {}
    workloads: dict[str, Any] = read_json(validation / "validation.json")["workloads"]
    return {
        key: one["rule"]
        for key, one in workloads.items()
        if "rule" in one and one["verdict"]["accepted"]
    }


def promise_of(rows: Mapping[str, Any]) -> Promise:
    """Return the promise in validation's rows of a workload; raises KeyError where it lacks."""
    share, reward = rows["policy"]["violation"], rows["policy"].get("reward")
    mean, error = float(share["mean"]), _error(share)
    performance = None
    if reward is not None:
        priced = VIOLATION_PRICE * error
        performance = (float(reward["mean"]) - VIOLATION_PRICE * mean, _error(reward) + priced)
    return Promise(mean, float(share["low"]), float(share["high"]), performance)


def _error(interval: Mapping[str, Any]) -> float:
    """Return the standard error; a 95 % interval is 3.92 of them wide."""
    return (float(interval["high"]) - float(interval["low"])) / 3.92
