"""Resizing running pods in place.

What grows grows at once, on all pods. What shrinks shrinks pod by pod, the next only after the
one before has landed: a size that a container can't bear is found out on one replica. A pod that
was resized a moment ago shrinks later: a wish that swings doesn't resize it again and again.
"""

from __future__ import annotations

from collections.abc import Sequence

from components.actuator.actions import EvictPod, ResizePod
from components.actuator.order import Allowed
from components.actuator.settings import ActuatorSettings
from components.actuator.situation import Situation
from components.actuator.sizes import digest_of_sizes, held_above
from components.actuator.steps import HELD, Note, Steps
from components.kubernetes_api.autoscaler import AUTO, MultidimPodAutoscaler
from components.kubernetes_api.pods import DEFERRED, INFEASIBLE, Pod
from components.kubernetes_api.targets import DEPLOYMENT


def resize(pods: Sequence[Pod], allowed: Allowed, cooling: frozenset[str] = frozenset()) -> Steps:
    """The resizes that may be asked for now; `cooling` pods, by uid, don't shrink."""
    growing, shrinking, kept, unlanded = [], [], [], 0
    for pod in sorted(pods, key=lambda item: item.name):
        sizes = allowed.sizes_over(pod.containers)
        grown = held_above(sizes, pod.containers)
        if pod.resize_pending and not pod.asks_for(sizes):
            # What it asked for before was not given: asking for something else takes nothing.
            growing.append(ResizePod(pod.name, pod.uid, sizes))
        elif not pod.asks_for(grown):
            growing.append(ResizePod(pod.name, pod.uid, grown))
        elif not pod.landed(grown):
            unlanded += 1
        elif not pod.asks_for(sizes) and pod.uid in cooling:
            kept.append(pod.name)
        elif not pod.asks_for(sizes):
            shrinking.append(ResizePod(pod.name, pod.uid, sizes))
    if growing:
        return Steps(tuple(growing), waiting=True)
    if unlanded:
        note = Note("Resizing", f"{unlanded} of {len(pods)} pods have yet to get their size")
        return Steps(notes=(note,), waiting=True)
    if shrinking or not kept:
        return Steps(tuple(shrinking[:1]), waiting=bool(shrinking))
    note = Note(HELD, f"{', '.join(kept)}: resized a moment ago, shrinks later")
    return Steps(notes=(note,), waiting=True)


def refused(situation: Situation, allowed: Allowed) -> bool:
    """Whether the API server refused what would now be asked for some pod."""
    return any(
        digest_of_sizes(action.sizes, action.pod_uid) in situation.refused
        for action in resize(situation.pods, allowed).actions
        if isinstance(action, ResizePod)
    )


def replace_stuck(
    autoscaler: MultidimPodAutoscaler, situation: Situation, settings: ActuatorSettings
) -> Steps:
    """Evicts one pod whose node can't resize it; its successor is born with the new size."""
    stuck = [pod for pod in situation.pods if _stuck(pod, situation.now_s, settings)]
    if not stuck:
        return Steps()
    names = ", ".join(pod.name for pod in stuck)
    why_not = _not_evicted(autoscaler, situation)
    if why_not:
        return Steps(notes=(Note("ResizeStuck", f"{names}: {why_not}", blocks=True),))
    note = Note("ReplacingPod", f"{stuck[0].name} can't be resized on its node and is replaced")
    return Steps((EvictPod(stuck[0].name, stuck[0].uid),), (note,), waiting=True)


def _stuck(pod: Pod, now_s: float, settings: ActuatorSettings) -> bool:
    pending, in_progress = pod.resize_pending, pod.resize_in_progress
    if pending is not None and pending.reason == INFEASIBLE:
        return True
    if pending is not None and pending.reason == DEFERRED:
        return now_s - (pending.changed_s or now_s) > settings.deferred_s
    if in_progress is not None:
        return now_s - (in_progress.changed_s or now_s) > settings.in_progress_s
    return False


def _not_evicted(autoscaler: MultidimPodAutoscaler, situation: Situation) -> str:
    """Why a pod that can't be resized stays; empty where it may go."""
    unready = sum(not pod.ready for pod in situation.pods)
    if autoscaler.update_mode != AUTO or situation.target.kind != DEPLOYMENT:
        return "the node can't resize it; updateMode Auto on a Deployment would replace it"
    if not autoscaler.evicts:
        return "the node can't resize it, and evictions are turned off by annotation"
    if len(situation.pods) < 2:
        return "the node can't resize it, and the only replica is not evicted"
    if unready:
        return f"the node can't resize it, and {unready} other pods are not ready"
    if situation.evicted_lately:
        return "the node can't resize it, and another pod was evicted a while ago"
    if situation.disruptions_allowed == 0:
        return "the node can't resize it, and a PodDisruptionBudget allows no eviction now"
    return ""
