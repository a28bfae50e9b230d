from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.actuator.breaker import Breaker
from components.actuator.plan import Plan
from components.actuator.record import Record, after_failure, after_success, while_open
from components.actuator.settings import ActuatorSettings
from components.errors import TemporaryError
from components.kubernetes_api.errors import DeniedError, QuotaExceededError

SETTINGS = ActuatorSettings()
WAITING = Plan((), able=True, reason="Waiting", message="2 of 3 pods", waiting=True)
DONE = Plan((), able=True, reason="Applied", message="3 replicas")


def test_the_pause_doubles_up_to_an_hour() -> None:
    breaker, pauses = Breaker(), []
    for _ in range(8):
        breaker = breaker.failed(0.0, SETTINGS)
        pauses.append(breaker.closed_from_s)
    assert pauses == [0, 0, 300, 600, 1200, 2400, 3600, 3600]


@given(st.integers(1, 3000))
def test_however_many_failures_the_pause_is_bounded(failures: int) -> None:
    assert Breaker(failures).failed(10.0, SETTINGS).closed_from_s <= 3610


def test_failures_are_told_until_the_circuit_opens_and_a_success_forgives() -> None:
    record, plans = Record(), []
    for _ in range(3):
        record, plan = after_failure(record, TemporaryError("no answer"), 100.0, SETTINGS)
        plans.append(plan)
    assert [plan.reason for plan in plans] == ["ActionFailed", "ActionFailed", "CircuitOpen"]
    assert "no answer" in plans[-1].message
    assert not record.breaker.allows(399.0)
    assert record.breaker.allows(400.0)
    assert "3 failures in a row" in while_open(record).message
    record, plan = after_success(record, DONE, False, 500.0, SETTINGS)
    assert (record, plan) == (Record(), DONE)


def test_what_has_not_landed_in_time_is_told_until_it_has() -> None:
    record, plan = after_success(Record(), WAITING, True, 0.0, SETTINGS)
    assert plan is WAITING
    record, plan = after_success(record, WAITING, False, 300.0, SETTINGS)
    assert plan.able
    record, plan = after_success(record, WAITING, False, 301.0, SETTINGS)
    assert (plan.able, plan.reason) == (False, "NotLanded")
    assert plan.message == "not landed within 300 s: 2 of 3 pods"
    again, plan = after_success(record, WAITING, True, 302.0, SETTINGS)
    assert (plan.able, again.waiting_since_s) == (True, 302.0)
    record, plan = after_success(record, DONE, False, 303.0, SETTINGS)
    assert (plan, record.waiting_since_s) == (DONE, None)


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (QuotaExceededError("exceeded quota: team", 403), "QuotaExceeded"),
        (DeniedError('admission webhook "x" denied the request: no', 400), "WebhookDenied"),
    ],
)
def test_a_quota_or_a_webhook_is_asked_again_only_after_a_pause(
    error: Exception, reason: str
) -> None:
    record, plan = after_failure(Record(), error, 0.0, SETTINGS)
    assert (plan.able, plan.reason) == (False, reason)
    assert str(error) in plan.message
    assert not record.breaker.allows(299.0)
    assert while_open(record) == plan
    again, _ = after_failure(record, error, 300.0, SETTINGS)
    assert not again.breaker.allows(899.0), "the pause doubles"
    assert again.breaker.allows(900.0)
