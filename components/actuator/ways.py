"""The ways in which sizes reach the pods of a workload, and which one is open.

| updateMode | Deployment                         | StatefulSet                             |
|------------|------------------------------------|-----------------------------------------|
| Auto       | template in step, pods in place;   | pods in place; the template only if it  |
|            | a rolling update where that can't  | doesn't roll (OnDelete); never          |
|            | be and evictions are not forbidden | restarted, volumes may be single-attach |
| Initial    | template in step, pods untouched   | in place, only pods that start          |
| Recreate   | a rolling update                   | a rolling update                        |

A StatefulSet has no template that could be changed beside it: its new pods are born with the old
size and resized in place at once.
"""

from __future__ import annotations

from components.actuator import pod_steps
from components.actuator.actions import RollTemplate
from components.actuator.order import Allowed
from components.actuator.settings import ActuatorSettings
from components.actuator.situation import Situation
from components.actuator.sizes import digest_of_sizes, held_above, merged
from components.actuator.steps import Note, Steps
from components.actuator.template_step import begin, marker_of
from components.kubernetes_api.autoscaler import INITIAL, RECREATE, MultidimPodAutoscaler
from components.kubernetes_api.resources import qos_class
from components.kubernetes_api.targets import DEPLOYMENT


def steps_for_sizes(
    autoscaler: MultidimPodAutoscaler,
    situation: Situation,
    allowed: Allowed,
    settings: ActuatorSettings,
) -> Steps:
    """The next steps by which the wished sizes reach the workload."""
    target = situation.target
    if autoscaler.update_mode == RECREATE:
        return _rolling(situation, allowed)
    if autoscaler.update_mode == INITIAL and target.kind == DEPLOYMENT:
        return _template_in_step(situation, allowed)
    closed = _why_not_in_place(situation, allowed)
    if closed and target.kind == DEPLOYMENT and autoscaler.evicts:
        note = Note("RollingInstead", f"not resized in place ({closed}): rolled out instead")
        return Steps(notes=(note,)).then(_rolling(situation, allowed))
    if closed:
        advice = "updateMode Recreate would restart its pods with the new size"
        return Steps(notes=(Note("ResizeUnavailable", f"{closed}; {advice}", blocks=True),))
    if target.kind == DEPLOYMENT:
        template = _template_in_step(situation, allowed)
        if template.waiting:
            return template
    else:
        template = _template_on_delete(situation, allowed)
    pods = situation.pods
    if autoscaler.update_mode == INITIAL:
        pods = tuple(pod for pod in pods if not pod.ready)
    stuck = pod_steps.replace_stuck(autoscaler, situation, settings)
    return template.then(stuck).then(pod_steps.resize(pods, allowed, situation.cooling))


def _template_in_step(situation: Situation, allowed: Allowed) -> Steps:
    target = situation.target
    sizes = allowed.sizes_over(target.containers)
    if merged(target.containers, sizes) == target.containers:
        return Steps()
    first = begin(target, situation.replica_sets, sizes)
    if first is None:
        note = Note("Waiting", f"no ReplicaSet of {target.words} has its template yet")
        return Steps(notes=(note,), waiting=True)
    return Steps((first,), waiting=True)


def _template_on_delete(situation: Situation, allowed: Allowed) -> Steps:
    target = situation.target
    sizes = allowed.sizes_over(target.containers)
    if target.strategy != "OnDelete" or merged(target.containers, sizes) == target.containers:
        return Steps()
    return Steps((RollTemplate(sizes, digest_of_sizes(sizes)),))


def _rolling(situation: Situation, allowed: Allowed) -> Steps:
    """One rolling update by the workload's own controller, within its PodDisruptionBudget.

    Pods that still differ after it are made differently by something else (a LimitRange, a
    webhook): rolling out again would never end.
    """
    target = situation.target
    sizes = allowed.sizes_over(target.containers)
    for pod in situation.pods:
        sizes = sizes if allowed.sizes_may_shrink else held_above(sizes, pod.containers)
    marker = digest_of_sizes(sizes, "rolled")
    same = merged(target.containers, sizes) == target.containers
    differing = [pod.name for pod in situation.pods if not pod.asks_for(sizes)]
    if same and not differing:
        return Steps()
    if same and marker_of(target.template) == marker:
        message = f"{', '.join(differing)} were made with another size than their template has"
        note = Note("PodsDiffer", f"{message}: a LimitRange or a webhook?", blocks=True)
        return Steps(notes=(note,))
    allowed_now = situation.disruptions_allowed
    if allowed_now is not None and target.max_unavailable > allowed_now:
        message = (
            f"a rolling update takes {target.max_unavailable} pods away at once, a"
            f" PodDisruptionBudget allows {allowed_now}"
        )
        return Steps(notes=(Note("DisruptionBudget", message, blocks=True),))
    return Steps((RollTemplate(sizes, marker),), waiting=True)


def _why_not_in_place(situation: Situation, allowed: Allowed) -> str:
    """Why the pods can't be resized in place; empty where they can."""
    containers = situation.target.containers
    if not situation.pods_resize:
        return "the API server has no pods/resize"
    before, after = qos_class(containers), qos_class(merged(containers, allowed.wish.sizes))
    if before != after:
        return f"the QoS class would change from {before} to {after}"
    if pod_steps.refused(situation, allowed):
        return "the API server refused to resize a pod"
    return ""
