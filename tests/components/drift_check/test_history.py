"""The check of one workload that has days of history."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from components.drift_check.check import check_workload
from components.drift_check.config import DriftConfig
from components.drift_check.verdict import Verdict, judge
from tests.components.drift_check.synthetic_service import WORKLOAD, Service, telemetry

DAY = 5760
CONFIG = DriftConfig()
SERVICE = Service(day_steps=DAY)


def verdict_of(recent: pd.DataFrame, reference: pd.DataFrame) -> Verdict:
    check = check_workload(reference, recent, WORKLOAD, SERVICE.parameters(), CONFIG)
    return judge({"a/b": check.checked}, CONFIG)["a/b"]


@pytest.fixture(scope="module")
def course() -> pd.DataFrame:
    return telemetry(SERVICE, np.random.default_rng(5), 5 * DAY)


def test_a_day_like_those_before_is_no_drift(course: pd.DataFrame) -> None:
    verdict = verdict_of(course.iloc[4 * DAY :].reset_index(drop=True), course.iloc[: 4 * DAY])
    assert verdict.alarms == ()


def test_a_slower_build_is_found_by_dynamics_and_outcome_and_from_when(
    course: pd.DataFrame,
) -> None:
    recent = course.iloc[4 * DAY :].reset_index(drop=True)
    recent.loc[DAY // 2 :, "cpu_usage_m"] *= 1.5
    recent.loc[DAY // 2 :, "latency_ms"] *= 2.0
    verdict = verdict_of(recent, course.iloc[: 4 * DAY])
    assert {"dynamics", "outcome"} <= set(verdict.alarms)
    test = verdict.to_json()["tests"]["dynamics"]
    assert test["measure"] == "CPU per request"
    assert test["size"] == pytest.approx(1.5, rel=0.1)
    late_s = (pd.Timestamp(test["since"]) - recent["time"][DAY // 2]).total_seconds()
    assert abs(late_s) <= 3600.0


def test_load_that_leaves_its_rhythm_is_an_input_drift_and_faster_answers_are_none(
    course: pd.DataFrame,
) -> None:
    recent = course.iloc[4 * DAY :].reset_index(drop=True)
    recent["request_rate_per_s"] *= 2.0
    recent["latency_ms"] /= 2.0
    verdict = verdict_of(recent, course.iloc[: 4 * DAY])
    assert "input" in verdict.alarms
    assert "outcome" not in verdict.alarms
