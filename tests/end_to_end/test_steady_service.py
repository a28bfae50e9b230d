"""A service that stays as it is leads to no retraining, however often it is checked."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from components.artifacts.files import write_json
from components.artifacts.local import LocalStore
from components.cluster.twin import Twin, to_json
from components.drift_check import stage
from components.drift_check.config import DriftConfig
from components.progress import Progress
from components.rollout.retraining_budget import RetrainingLimits
from components.rollout.retraining_turn import admitted_in_turn
from components.workload.spec import dump_workloads
from components.workload.telemetry import telemetry_bytes
from tests.components.drift_check.synthetic_service import WORKLOAD, Service, telemetry

CHECKS, WINDOW, EVERY = 100, 96, 20
REFERENCE_STEPS = 480
SERVICE = Service(missing=0.01)


def dataset(folder: Path, frame: pd.DataFrame) -> Path:
    path = folder / f"{WORKLOAD.key}.parquet"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(telemetry_bytes(frame.reset_index(drop=True)))
    (folder / "workloads.yaml").write_text(dump_workloads([WORKLOAD]))
    return folder


def test_a_stable_service_leads_to_no_retraining_in_a_hundred_scheduled_checks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The picture takes most of a check's time, and decides nothing.
    monkeypatch.setattr(stage, "drift_picture", lambda *_: b"")
    course = telemetry(SERVICE, np.random.default_rng(3), REFERENCE_STEPS + CHECKS * EVERY + WINDOW)
    reference = dataset(tmp_path / "reference", course.iloc[:REFERENCE_STEPS])
    twins = {WORKLOAD.key: to_json(Twin(SERVICE.parameters()[np.newaxis], {}, {}))}
    write_json(tmp_path / "embedding" / "twins.json", twins)
    store = LocalStore(tmp_path / "store")
    for number in range(CHECKS):
        first = REFERENCE_STEPS + number * EVERY
        found = stage.run(
            DriftConfig(),
            reference=reference,
            recent=dataset(tmp_path / "recent", course.iloc[first : first + WINDOW]),
            embedding=tmp_path / "embedding",
            validation=None,
            output=tmp_path / "drift",
            progress=Progress("drift_check"),
            store=store,
            calibrations=store,
        )
        admission = admitted_in_turn(
            store, found.drifted, f"run-{number}", 300.0 * number, 3600.0, RetrainingLimits()
        )
        assert (found.drifted, admission.admitted) == ((), ()), f"check {number}"
    assert store.list("") == []


def test_the_same_checks_find_a_build_that_comes_in_their_middle(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stage, "drift_picture", lambda *_: b"")
    steady = telemetry(SERVICE, np.random.default_rng(3), REFERENCE_STEPS)
    later = replace(SERVICE.slower(1.8), start="2026-01-01T02:00:00Z")
    write_json(
        tmp_path / "embedding" / "twins.json",
        {WORKLOAD.key: to_json(Twin(SERVICE.parameters()[np.newaxis], {}, {}))},
    )
    found = stage.run(
        DriftConfig(),
        reference=dataset(tmp_path / "reference", steady),
        recent=dataset(tmp_path / "recent", telemetry(later, np.random.default_rng(4), WINDOW)),
        embedding=tmp_path / "embedding",
        validation=None,
        output=tmp_path / "drift",
        progress=Progress("drift_check"),
    )
    assert found.drifted == (WORKLOAD.key,)
