"""Writing recommendations into the status, where they changed."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from components.kubernetes_api.autoscaler import MultidimPodAutoscaler, autoscaler_of
from components.kubernetes_api.client import KubernetesClient
from components.kubernetes_api.conditions import Condition, condition, with_condition
from components.kubernetes_api.errors import AbsentError, ConflictError
from components.recommender.allocation import Allocation, Proposal
from components.recommender.recommendation import Recommendation, is_number
from components.workload.quantities import format_cpu, format_memory

_ATTEMPTS = 4
_Signature = tuple[object, ...]
# So little above the target is left as it is; the guard makes no smaller changes either.
_LEFT = 1.04


class Told:
    """What is known to stand in the statuses: only what may be news is compared and written.

    A status is compared once for each version of the object and each thing that there is to say.
    """

    def __init__(self) -> None:
        self._said: dict[str, tuple[str, _Signature]] = {}

    def news(self, recommendations: Sequence[Recommendation]) -> list[Recommendation]:
        """Those whose status has to be written."""
        said, changed = {}, []
        for item in recommendations:
            mine = item.subject.autoscaler
            now = (mine.resource_version, _signature(item))
            if self._said.get(mine.key) == now or not _is_news(item):
                said[mine.key] = now
            else:
                changed.append(item)
        self._said = said
        return changed


def _signature(item: Recommendation) -> _Signature:
    phase = item.phase
    codes = tuple((reason.code, reason.dimension) for reason in item.reasons)
    return (
        item.target,
        item.by_policy,
        codes,
        item.subject.other_owner,
        item.problem,
        (phase.phase, phase.reason, phase.digest),
    )


def _is_news(recommendation: Recommendation) -> bool:
    subject = recommendation.subject
    mine = subject.autoscaler
    same = mine.desired_replicas is not None and subject.last == recommendation.target
    told = same and mine.recommendations and _told(mine.conditions, recommendation.conditions())
    return not told


def write_recommendation(
    client: KubernetesClient, recommendation: Recommendation, now_s: float
) -> bool:
    """Writes the recommendation; whether the object was still there.

    Raises what the client raises.
    """
    mine = recommendation.subject.autoscaler
    return _write(client, mine, recommendation.conditions(), _status(recommendation), now_s)


def write_refusal(
    client: KubernetesClient, mine: MultidimPodAutoscaler, refused: Condition, now_s: float
) -> bool:
    """Writes why an object can't be decided on, where that isn't told yet."""
    if _told(mine.conditions, (refused,)):
        return False
    replicas = mine.desired_replicas or 0
    status = {"currentReplicas": replicas, "desiredReplicas": replicas}
    return _write(client, mine, (refused,), status, now_s)


def _write(
    client: KubernetesClient,
    mine: MultidimPodAutoscaler,
    wanted: Sequence[Condition],
    status: dict[str, Any],
    now_s: float,
) -> bool:
    """One conditional write; the list of conditions is the actuator's too, so it is read again."""
    for attempt in range(_ATTEMPTS):
        conditions = mine.conditions
        for item in wanted:
            conditions = with_condition(conditions, item, now_s)
        body = {
            "metadata": {"resourceVersion": mine.resource_version},
            "status": status | {"conditions": [item.to_document() for item in conditions]},
        }
        try:
            client.patch(f"{mine.path}/status", body)
        except AbsentError:
            return False
        except ConflictError:
            if attempt == _ATTEMPTS - 1:
                raise
            mine = autoscaler_of(client.get(mine.path))
        else:
            return True
    return False


def _told(told: Sequence[Condition], wanted: Sequence[Condition]) -> bool:
    """Whether the conditions say the same; a number in a message alone is no news."""
    for item in wanted:
        found = condition(told, item.type)
        if found is None or (found.status, found.reason) != (item.status, item.reason):
            return False
        if _without_numbers(found.message) != _without_numbers(item.message):
            return False
    return True


def _without_numbers(message: str) -> str:
    return re.sub(r"[0-9.]+", "#", message)


def _status(recommendation: Recommendation) -> dict[str, Any]:
    subject, target = recommendation.subject, recommendation.target
    container = {
        "containerName": subject.workload.container,
        "target": _size(target.cpu_m, target.memory_bytes),
        "lowerBound": _size(target.cpu_m, target.memory_bytes),
        "upperBound": _size(_above(target).cpu_m, _above(target).memory_bytes),
    }
    proposal = recommendation.uncapped
    if proposal is not None and is_number(proposal):
        container["uncappedTarget"] = _uncapped(proposal)
    return {
        "currentReplicas": subject.current.replicas,
        "desiredReplicas": target.replicas,
        "recommendation": {"containerRecommendations": [container]},
    }


def _above(target: Allocation) -> Allocation:
    return Allocation(target.replicas, int(target.cpu_m * _LEFT), int(target.memory_bytes * _LEFT))


def _uncapped(proposal: Proposal) -> dict[str, str]:
    return _size(round(min(proposal.cpu_m, 1e15)), round(min(proposal.memory_bytes, 1e15)))


def _size(cpu_m: int, memory_bytes: int) -> dict[str, str]:
    return {"cpu": format_cpu(cpu_m), "memory": format_memory(memory_bytes)}
