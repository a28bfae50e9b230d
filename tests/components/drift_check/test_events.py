"""Maintenance and new images, which are events and not drift."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from components.drift_check.check import check_workload
from components.drift_check.config import DriftConfig
from components.drift_check.events import (
    Events,
    last_new_image,
    read_events,
    without_maintenance,
)
from components.drift_check.verdict import judge
from components.errors import UserError
from tests.components.drift_check.synthetic_service import WORKLOAD, Service, telemetry

SERVICE = Service()


def test_a_shift_within_maintenance_is_no_drift_and_outside_it_is() -> None:
    course = telemetry(SERVICE, np.random.default_rng(7), 480)
    reference, recent = course.iloc[:320], course.iloc[320:].reset_index(drop=True)
    recent.loc[80:, "cpu_usage_m"] *= 2.0
    window = (recent["time"][80], recent["time"].iloc[-1])
    for events, alarms in ((Events(), True), (Events(maintenance=(window,)), False)):
        cleaned = without_maintenance(recent, events)
        check = check_workload(reference, cleaned, WORKLOAD, SERVICE.parameters(), DriftConfig())
        assert judge({"a": check.checked}, DriftConfig())["a"].drifted == alarms


def test_only_an_image_within_the_telemetry_counts_and_the_last_of_them() -> None:
    frame = telemetry(SERVICE, np.random.default_rng(8), 40)
    times = (frame["time"][10], frame["time"][25], frame["time"].iloc[-1] + pd.Timedelta("1h"))
    events = Events(new_images={"a/b": times})
    assert last_new_image(frame, "a/b", events) == times[1]
    assert last_new_image(frame, "other/one", events) is None


def test_levels_are_compared_from_the_new_image_on() -> None:
    course = telemetry(SERVICE, np.random.default_rng(7), 480)
    reference, recent = course.iloc[:320], course.iloc[320:].reset_index(drop=True)
    # What ran before is no fault of the image, and doesn't excuse it.
    for slower, alarms in ((slice(0, 79), False), (slice(80, 159), True)):
        changed = recent.copy()
        changed.loc[slower, "cpu_usage_m"] *= 2.0
        check = check_workload(
            reference,
            changed,
            WORKLOAD,
            SERVICE.parameters(),
            DriftConfig(),
            new_image=recent["time"][80],
        )
        assert judge({"a": check.checked}, DriftConfig())["a"].drifted == alarms
        assert check.checked.block_times[0] == recent["time"][80]


def test_the_file_beside_the_dataset_is_read_and_its_faults_are_told(tmp_path: Path) -> None:
    assert read_events(tmp_path) == Events()
    path = tmp_path / "events.json"
    path.write_text('{"new_images": {"a/b": ["2026-01-02T03:04:05Z"]}}')
    assert read_events(tmp_path).new_images == {"a/b": (pd.Timestamp("2026-01-02T03:04:05Z"),)}
    path.write_text('{"maintenance": [["2026-01-02T03:04:05", "2026-01-02T04:00:00Z"]]}')
    with pytest.raises(UserError, match=r"events.json: maintenance.0.0: .*timezone"):
        read_events(tmp_path)
