"""The check of one workload that has days of history."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from components.drift_check.calibrations import Calibrations
from components.drift_check.check import WorkloadCheck, check_workload
from components.drift_check.config import DriftConfig
from components.drift_check.verdict import Verdict, judge
from tests.components.drift_check.synthetic_service import WORKLOAD, Service, telemetry

DAY = 5760
CONFIG = DriftConfig()
SERVICE = Service(day_steps=DAY)
# Each reference is learned once, by its days.
CALIBRATIONS = {4: Calibrations(), 8: Calibrations()}


def checked(
    recent: pd.DataFrame, reference: pd.DataFrame, new_image: pd.Timestamp | None
) -> WorkloadCheck:
    return check_workload(
        reference,
        recent,
        WORKLOAD,
        SERVICE.parameters(),
        CONFIG,
        new_image=new_image,
        calibrations=CALIBRATIONS[len(reference) // DAY],
    )


def verdict_of(recent: pd.DataFrame, reference: pd.DataFrame) -> Verdict:
    check = checked(recent, reference, None)
    return judge({"a/b": check.checked}, CONFIG)["a/b"]


@pytest.fixture(scope="module")
def course() -> pd.DataFrame:
    return telemetry(SERVICE, np.random.default_rng(5), 9 * DAY)


@pytest.fixture(params=[4, 8], ids=["looked at by windows", "that the model holds for"])
def reference(course: pd.DataFrame, request: pytest.FixtureRequest) -> pd.DataFrame:
    return course.iloc[: request.param * DAY]


def test_a_day_like_those_before_is_no_drift(course: pd.DataFrame, reference: pd.DataFrame) -> None:
    verdict = verdict_of(course.iloc[8 * DAY :].reset_index(drop=True), reference)
    assert verdict.alarms == ()
    days = len(reference) // DAY
    by_model = [one.calibration is not None for one in CALIBRATIONS[days].known.values()]
    assert len(by_model) == 5
    assert any(by_model) == (days == 8)


def test_a_slower_build_is_found_by_dynamics_and_outcome_and_from_when(
    course: pd.DataFrame, reference: pd.DataFrame
) -> None:
    recent = course.iloc[8 * DAY :].reset_index(drop=True)
    recent.loc[DAY // 2 :, "cpu_usage_m"] *= 1.5
    recent.loc[DAY // 2 :, "latency_ms"] *= 2.0
    verdict = verdict_of(recent, reference)
    assert {"dynamics", "outcome"} <= set(verdict.alarms)
    test = verdict.to_json()["tests"]["dynamics"]
    assert test["measure"] == "CPU per request"
    assert test["size"] == pytest.approx(1.5, rel=0.1)
    late_s = (pd.Timestamp(test["since"]) - recent["time"][DAY // 2]).total_seconds()
    assert abs(late_s) <= 3600.0


def test_load_that_leaves_its_rhythm_is_an_input_drift_and_faster_answers_are_none(
    course: pd.DataFrame, reference: pd.DataFrame
) -> None:
    recent = course.iloc[8 * DAY :].reset_index(drop=True)
    recent["request_rate_per_s"] *= 2.0
    recent["latency_ms"] /= 2.0
    verdict = verdict_of(recent, reference)
    assert "input" in verdict.alarms
    assert "outcome" not in verdict.alarms


def test_a_new_image_tells_the_check_when_to_look(course: pd.DataFrame) -> None:
    reference = course.iloc[: 8 * DAY]
    recent = course.iloc[8 * DAY :].reset_index(drop=True)
    # So small a change, so late, that the scan alone would ask for more.
    image = DAY - 480
    recent.loc[image:, "cpu_usage_m"] *= 1.22
    told = {}
    for new_image in (None, recent["time"][image]):
        check = checked(recent, reference, new_image)
        told[new_image is not None] = check.checked.findings["dynamics"]
    assert told[True].p_value < told[False].p_value
    since = told[True].shift
    assert since is not None
    assert since.since * check.block_s == pytest.approx(image * 15, abs=2 * check.block_s)
