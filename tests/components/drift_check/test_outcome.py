"""A policy that acts is held against the reward that validation promised of it."""

from __future__ import annotations

import numpy as np
import pytest

from components.drift_check.check import check_workload
from components.drift_check.config import DriftConfig
from components.drift_check.findings import Finding, Promise
from components.drift_check.inputs import promise_of
from components.drift_check.outcome import beyond_promise
from components.policy.performance import measured_performance
from components.policy.prices import VIOLATION_PRICE
from tests.components.drift_check.synthetic_service import WORKLOAD, Service, telemetry

LOST = "reward less priced violations"
SERVICE = Service()


def outcome(promised_more: float, seed: int, recent_steps: int = 480) -> Finding:
    """The outcome test of a service that is as it was, where so much more was promised of it."""
    rng = np.random.default_rng(seed)
    before, after = telemetry(SERVICE, rng, 480), telemetry(SERVICE, rng, recent_steps)
    known = measured_performance(before, WORKLOAD, VIOLATION_PRICE)
    promise = Promise(1.0, 1.0, 1.0, (float(np.nanmean(known)) + promised_more, 0.005))
    check = check_workload(before, after, WORKLOAD, SERVICE.parameters(), DriftConfig(), promise)
    return check.checked.findings["outcome"]


def test_a_kept_promise_is_no_drift() -> None:
    found = [outcome(0.0, seed).p_value for seed in range(10)]
    assert min(found) > 0.01


def test_less_reward_than_promised_is_drift_and_its_size_is_told() -> None:
    found = outcome(0.15, 0)
    assert (found.measure, found.logarithmic) == (LOST, False)
    assert found.p_value < 0.01
    assert found.shift is not None
    assert found.shift.low < -0.15 < found.shift.high < 0.0


def test_more_reward_than_promised_needs_nothing() -> None:
    assert outcome(-0.15, 0).p_value == 1.0


def test_a_minute_of_telemetry_tells_nothing_of_reward() -> None:
    assert outcome(0.15, 0, recent_steps=4).p_value == 1.0


def test_the_promise_of_reward_prices_the_violations_and_adds_their_errors() -> None:
    share = {"mean": 0.05, "low": 0.0402, "high": 0.0598}
    reward = {"mean": 0.9, "low": 0.8804, "high": 0.9196}
    promise = promise_of({"policy": {"violation": share, "reward": reward}})
    # .9 - .4 * .05; errors .0392 / 3.92 and .4 * .0196 / 3.92.
    assert promise.performance == pytest.approx((0.88, 0.012))
    assert promise_of({"policy": {"violation": share}}).performance is None


def test_a_promise_counts_with_its_own_uncertainty() -> None:
    reference, recent = np.zeros(10), np.full(10, 0.3)
    sure = beyond_promise(reference, recent, Promise(0.1, 0.09, 0.11), floor=0.1)
    unsure = beyond_promise(reference, recent, Promise(0.1, 0.0, 0.6), floor=0.1)
    assert sure is not None
    assert unsure is not None
    assert sure.size == unsure.size == pytest.approx(0.2)
    assert sure.p_value < 0.001 < unsure.p_value
