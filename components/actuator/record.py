"""What is remembered of one workload between two ticks, and how it changes a plan's verdict."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from components.actuator.actions import Action, EvictPod, ResizePod
from components.actuator.breaker import Breaker
from components.actuator.obstacles import Obstacle
from components.actuator.plan import Plan, left_alone
from components.actuator.settings import ActuatorSettings
from components.kubernetes_api.errors import DeniedError, QuotaExceededError
from components.kubernetes_api.pods import Pod

# What no second attempt soon would change, and what its condition is called.
_LASTING: dict[type[Exception], str] = {
    QuotaExceededError: "QuotaExceeded",
    DeniedError: "WebhookDenied",
}


@dataclass(frozen=True, slots=True)
class Record:
    """Losing it costs no more than a few attempts.

    Times are monotonic. `refused_s`: when the API server refused a resize, by its digest.
    `resized_s`: when a pod was resized last, by its uid. `evicted_s`: when a pod was evicted last.
    `waiting_since_s`: the last
    action that has yet to land; None while there is none. `obstacle`: what the last
    failure was.
    """

    breaker: Breaker = field(default_factory=Breaker)
    refused_s: Mapping[str, float] = field(default_factory=dict)
    resized_s: Mapping[str, float] = field(default_factory=dict)
    evicted_s: float = float("-inf")
    waiting_since_s: float | None = None
    obstacle: Obstacle | None = None

    def refused(self, now_s: float, settings: ActuatorSettings) -> frozenset[str]:
        """Digests of the resizes that aren't asked for now."""
        return _since(self.refused_s, now_s - settings.refusal_s)

    def cooling(self, now_s: float, settings: ActuatorSettings) -> frozenset[str]:
        """Uids of the pods that don't shrink now."""
        return _since(self.resized_s, now_s - settings.pod_cool_down_s)

    def evicted_lately(self, now_s: float, settings: ActuatorSettings) -> bool:
        """Whether no pod of the workload is evicted now."""
        return now_s - self.evicted_s < settings.eviction_cool_down_s

    def among(self, pods: Iterable[Pod], now_s: float, settings: ActuatorSettings) -> Record:
        """The record without the pods that are gone and the refusals that no longer count."""
        here, refused = {pod.uid for pod in pods}, self.refused(now_s, settings)
        return replace(
            self,
            refused_s={digest: self.refused_s[digest] for digest in refused},
            resized_s={uid: time_s for uid, time_s in self.resized_s.items() if uid in here},
        )

    def noted(self, action: Action, now_s: float) -> Record:
        """The record after an action."""
        match action:
            case ResizePod():
                return replace(self, resized_s={**self.resized_s, action.pod_uid: now_s})
            case EvictPod():
                return replace(self, evicted_s=now_s)
            case _:
                return self


def _since(times_s: Mapping[str, float], start_s: float) -> frozenset[str]:
    return frozenset(name for name, time_s in times_s.items() if time_s > start_s)


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
