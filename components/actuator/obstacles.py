"""Why a workload is left alone."""

from __future__ import annotations

from dataclasses import dataclass

from components.actuator.maintenance import open_window
from components.actuator.situation import Situation
from components.kubernetes_api.autoscaler import MultidimPodAutoscaler
from components.kubernetes_api.conditions import TRUE, condition
from components.kubernetes_api.container_policy import OFF
from components.kubernetes_api.errors import BadObjectError
from components.kubernetes_api.names import PAUSE_ANNOTATION, POLICY_ACTING, REASON_POLICY
from components.kubernetes_api.targets import STATEFUL_SET


@dataclass(frozen=True, slots=True)
class Obstacle:
    """The reason and the message of the condition AbleToScale."""

    reason: str
    message: str


def without_looking(autoscaler: MultidimPodAutoscaler) -> Obstacle | None:
    """What can be told from the MultidimPodAutoscaler alone."""
    provided = condition(autoscaler.conditions, "RecommendationProvided")
    if autoscaler.update_mode == OFF:
        return Obstacle("UpdateModeOff", "updateMode is Off: recommendations are only shown")
    if autoscaler.paused:
        return Obstacle("Paused", f"the annotation {PAUSE_ANNOTATION} is true")
    if autoscaler.desired_replicas is None or provided is None or provided.status != TRUE:
        return Obstacle("NoRecommendation", "there is no recommendation to apply yet")
    acting = condition(autoscaler.conditions, POLICY_ACTING)
    stopped = autoscaler.phase == "INCUMBENT" or (acting is not None and acting.status != TRUE)
    if provided.reason == REASON_POLICY and stopped:
        # After a rollback the policy's last word may still stand in the status.
        phase = acting.reason if acting is not None else autoscaler.phase
        return Obstacle(
            "PhaseForbids", f"in phase {phase} the incumbent acts, but the status is the policy's"
        )
    return None


def kept_by_maintenance(windows: str, now_s: float) -> Obstacle | str:
    """An obstacle where a window holds everything, else why nothing may shrink (empty: it may)."""
    try:
        window = open_window(windows, now_s)
    except BadObjectError as error:
        return Obstacle("BadMaintenanceWindow", str(error))
    if window is None:
        return ""
    words = f"in the maintenance window {window.text!r}"
    return Obstacle("MaintenanceWindow", f"nothing changes {words}") if window.holds_all else words


def in_the_cluster(situation: Situation) -> Obstacle | None:
    """What stands in the way at the workload itself."""
    target = situation.target
    if situation.owners:
        return Obstacle(
            "AnotherAutoscaler",
            f"{target.words} is also scaled by {', '.join(situation.owners)}: remove one of them",
        )
    if target.replicas == 0:
        return Obstacle("ScaledToZero", f"{target.words} was scaled to 0 by hand: it stays there")
    if target.paused and not target.being_brought_in_step:
        return Obstacle("RolloutsPaused", f"rollouts of {target.words} are paused")
    if target.rolling_out and not target.being_brought_in_step:
        staged = " (or staged by a partition)" if target.kind == STATEFUL_SET else ""
        return Obstacle(
            "RolloutInProgress",
            f"{target.words} is being rolled out{staged}: {target.replicas_updated} of"
            f" {target.replicas_observed} pods are updated",
        )
    return None
