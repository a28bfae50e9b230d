"""Wanted against observed: what to do next for one workload. Pure: no clock, no server."""

from __future__ import annotations

from dataclasses import dataclass, replace

from components.actuator.actions import Action, PauseWithTemplate, RollTemplate, SetReplicas
from components.actuator.ceilings import bounded
from components.actuator.obstacles import (
    Obstacle,
    in_the_cluster,
    kept_by_maintenance,
    without_looking,
)
from components.actuator.order import Allowed, allowed_now
from components.actuator.settings import ActuatorSettings
from components.actuator.situation import Situation
from components.actuator.steps import HELD, Note, Steps
from components.actuator.template_step import finish
from components.actuator.ways import steps_for_sizes
from components.actuator.wish import Wish, wish_of
from components.kubernetes_api.autoscaler import MultidimPodAutoscaler
from components.kubernetes_api.conditions import TRUE, condition
from components.kubernetes_api.errors import BadObjectError
from components.kubernetes_api.resources import describe

# Reasons that mostly pass within a second: worth another look in the same tick.
UNSEEN = "WaitingForController"
IN_STEP = "BringingTemplateInStep"


@dataclass(frozen=True, slots=True)
class Plan:
    """The actions in their order and what the condition AbleToScale says.

    `able`: whether nothing stands in the way. `waiting`: whether something that was begun has yet
    to land.
    """

    actions: tuple[Action, ...]
    able: bool
    reason: str
    message: str
    waiting: bool = False


def plan_for(
    autoscaler: MultidimPodAutoscaler, situation: Situation, settings: ActuatorSettings
) -> Plan:
    """The next steps for one workload.

    A template that is half in step is finished first, whatever else stands in the way: it is the
    one thing that must not be left as it is.
    """
    if situation.target.being_brought_in_step:
        return finishing(situation)
    obstacle = without_looking(autoscaler) or in_the_cluster(situation)
    if obstacle:
        return left_alone(obstacle)
    kept = kept_by_maintenance(autoscaler.maintenance, situation.now_s)
    if isinstance(kept, Obstacle):
        return left_alone(kept)
    situation = replace(situation, keeps=kept)
    try:
        wish = wish_of(autoscaler, situation.target.replicas, situation.sizes)
    except BadObjectError as error:
        return left_alone(Obstacle("BadRecommendation", str(error)))
    if situation.target.unseen:
        message = f"the controller of {situation.target.words} has yet to see the last change"
        return Plan((), able=True, reason=UNSEEN, message=message, waiting=True)
    counted = situation.counted or situation.now_counted
    under = bounded(wish, counted.replicas, counted.sizes, situation.ceilings)
    if under.notes and not situation.keeps:
        # One half of a trade, few large pods for many small ones or the reverse, would be lost.
        situation = replace(situation, keeps="while a ceiling bounds the wish")
    allowed = allowed_now(under.wish, situation)
    sizes = steps_for_sizes(autoscaler, situation, allowed, settings)
    steps = _with_replicas(sizes, situation, allowed)
    return _plan(situation, under.wish, Steps(notes=under.notes).then(steps))


def finishing(situation: Situation) -> Plan:
    """The next write that brings a Deployment's template and its ReplicaSet in step."""
    action = finish(situation.target, situation.replica_sets)
    return Plan(
        actions=(action,) if action else (),
        able=True,
        reason=IN_STEP,
        message=f"the template of {situation.target.words} is being changed without a rollout",
        waiting=True,
    )


def left_alone(obstacle: Obstacle) -> Plan:
    """No action, and why."""
    return Plan((), able=False, reason=obstacle.reason, message=obstacle.message)


def _with_replicas(sizes: Steps, situation: Situation, allowed: Allowed) -> Steps:
    """Adds the number of replicas where it comes next.

    New pods should be born with the new size: where a template is brought in step that is done
    first, alone, and the replicas follow at the next look. Before a rolling update it is the other
    way round: nothing is scaled while one goes on.
    """
    held = tuple(Note(HELD, message) for message in allowed.held)
    steps = Steps(sizes.actions, (*held, *sizes.notes), sizes.waiting)
    kinds = {type(action) for action in sizes.actions}
    if allowed.replicas == situation.target.replicas or PauseWithTemplate in kinds:
        return steps
    scale = Steps((SetReplicas(allowed.replicas),), waiting=True)
    return scale.then(Steps(notes=steps.notes) if RollTemplate in kinds else steps)


def _plan(situation: Situation, wish: Wish, steps: Steps) -> Plan:
    target, notes = situation.target, steps.notes
    not_made = condition(target.conditions, "ReplicaFailure")
    if not_made is not None and not_made.status == TRUE:
        notes = (Note("ReplicasNotCreated", not_made.message, blocks=True), *notes)
    missing = wish.replicas - min(target.replicas_ready, target.replicas)
    unplaced = [pod.unplaced for pod in situation.pods if pod.unplaced]
    if unplaced:
        message = f"{len(unplaced)} pods find no node: {unplaced[0]}"
        notes = (Note("PodsUnschedulable", message, blocks=True), *notes)
    waiting = bool(steps.actions) or steps.waiting or missing > 0
    waiting = waiting or target.replicas != wish.replicas
    blocking = [note.reason for note in notes if note.blocks]
    if waiting and not steps.actions and not notes:
        ready = wish.replicas - max(missing, 0)
        notes = (Note("Waiting", f"{ready} of {wish.replicas} replicas are ready"),)
    held = any(note.reason == HELD for note in notes)
    waiting = waiting or held
    reason = "Applying" if steps.actions else HELD if held else "Waiting" if waiting else "Applied"
    return Plan(
        actions=steps.actions,
        able=not blocking,
        reason=blocking[0] if blocking else reason,
        message=": ".join(filter(None, (_goal(wish), "; ".join(note.message for note in notes)))),
        waiting=waiting,
    )


def _goal(wish: Wish) -> str:
    sizes = [f"{name} {describe(resources)}" for name, resources in sorted(wish.sizes.items())]
    return "; ".join([f"{wish.replicas} replicas", *sizes])
