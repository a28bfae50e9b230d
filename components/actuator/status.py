"""Writing the condition AbleToScale and the time of the last action into the status."""

from __future__ import annotations

import logging

from components.actuator.plan import Plan
from components.kubernetes_api.autoscaler import MultidimPodAutoscaler, autoscaler_of
from components.kubernetes_api.client import KubernetesClient
from components.kubernetes_api.conditions import (
    FALSE,
    TRUE,
    Condition,
    timestamp,
    with_condition,
)
from components.kubernetes_api.errors import AbsentError, ConflictError

CONDITION = "AbleToScale"
_ATTEMPTS = 4

_log = logging.getLogger(__name__)


def write_condition(
    client: KubernetesClient,
    autoscaler: MultidimPodAutoscaler,
    plan: Plan,
    now_s: float,
    acted: bool,
) -> None:
    """Writes the condition where it changed, and lastScaleTime when something was done.

    The list of conditions is also the recommender's: it is read and written under one
    resourceVersion, again from the start when that was lost. Nothing is written before there is a
    recommendation, nor on an object that is gone. Raises what the client raises.
    """
    wanted = Condition(CONDITION, TRUE if plan.able else FALSE, plan.reason, plan.message)
    for attempt in range(_ATTEMPTS):
        if autoscaler.desired_replicas is None:
            return
        conditions = with_condition(autoscaler.conditions, wanted, now_s)
        if conditions == autoscaler.conditions and not acted:
            return
        status: dict[str, object] = {"conditions": [item.to_document() for item in conditions]}
        if acted:
            status["lastScaleTime"] = timestamp(now_s)
        body = {
            "metadata": {"resourceVersion": autoscaler.resource_version},
            "status": status,
        }
        try:
            client.patch(f"{autoscaler.path}/status", body)
        except AbsentError:
            return
        except ConflictError:
            if attempt == _ATTEMPTS - 1:
                raise
            autoscaler = autoscaler_of(client.get(autoscaler.path))
        else:
            return
