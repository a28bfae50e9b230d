"""What is remembered of one workload between two ticks, and how it changes a plan's verdict."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from components.actuator.breaker import Breaker
from components.actuator.obstacles import Obstacle
from components.actuator.plan import Plan, left_alone
from components.actuator.settings import ActuatorSettings
from components.kubernetes_api.errors import DeniedError, QuotaExceededError

# What no second attempt soon would change, and what its condition is called.
_LASTING: dict[type[Exception], str] = {
    QuotaExceededError: "QuotaExceeded",
    DeniedError: "WebhookDenied",
}


@dataclass(frozen=True, slots=True)
class Record:
    """Losing it costs no more than a few attempts.

    `refused`: digests of the resizes that the API server refused. `waiting_since_s`: the last
    action that has yet to land, monotonic; None while there is none. `obstacle`: what the last
    failure was.
    """

    breaker: Breaker = field(default_factory=Breaker)
    refused: frozenset[str] = frozenset()
    waiting_since_s: float | None = None
    obstacle: Obstacle | None = None


def after_failure(
    record: Record, error: Exception, now_s: float, settings: ActuatorSettings
) -> tuple[Record, Plan]:
    """The record and the verdict after an attempt that failed."""
    lasting = _LASTING.get(type(error))
    breaker = record.breaker.failed(now_s, settings, for_long=lasting is not None)
    if lasting is not None:
        obstacle = Obstacle(lasting, f"{error}; tried again after a pause")
    elif breaker.allows(now_s):
        obstacle = Obstacle("ActionFailed", str(error))
    else:
        obstacle = Obstacle(
            "CircuitOpen",
            f"left alone for a while after {breaker.failures} failures in a row, the last: {error}",
        )
    return replace(record, breaker=breaker, obstacle=obstacle), left_alone(obstacle)


def while_open(record: Record) -> Plan:
    """The verdict while no attempt is made: what the last one ended in."""
    assert record.obstacle is not None, "an open breaker has seen a failure"
    return left_alone(record.obstacle)


def after_success(
    record: Record, plan: Plan, acted: bool, now_s: float, settings: ActuatorSettings
) -> tuple[Record, Plan]:
    """The record and the verdict after an attempt that did all it could.

    What was begun and hasn't landed within `landing_s` of the last action is told as such.
    """
    if not plan.waiting:
        return replace(record, breaker=Breaker(), waiting_since_s=None, obstacle=None), plan
    since_s = now_s if acted or record.waiting_since_s is None else record.waiting_since_s
    record = replace(record, breaker=Breaker(), waiting_since_s=since_s, obstacle=None)
    if plan.able and now_s - since_s > settings.landing_s:
        message = f"not landed within {settings.landing_s:g} s: {plan.message}"
        plan = replace(plan, able=False, reason="NotLanded", message=message)
    return record, plan
