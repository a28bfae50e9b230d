"""Changing a Deployment's pod template without replacing its pods.

New pods are made from the ReplicaSet's template, and a Deployment rolls out whenever no ReplicaSet
has its own template. So both must change, and the Deployment's controller must see them differ
never, or only while it may not act. Three writes do it:

1. the Deployment gets the new template and `spec.paused` in one patch, and a label that marks it
   as ours: a paused Deployment is scaled as ever but makes no ReplicaSet;
2. its current ReplicaSet gets the same template: running pods are untouched, new ones have the
   new size;
3. when the controller has shown that it saw both (it counts that ReplicaSet's pods as updated),
   pause and label are taken away: the templates are equal, so there is nothing to roll out.

Whoever is killed between two of them leaves the label, by which any later actuator finds the
Deployment and goes on from what it sees. A template that the user changed meanwhile matches no
ReplicaSet: then the pause is ended and his change rolls out.

A marker in the template's annotations, unlike for every ReplicaSet, keeps the new template from
being equal to that of an older revision, to which the Deployment would then go back.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping
from typing import Any

from components.actuator.actions import (
    Action,
    AlignReplicaSet,
    PauseWithTemplate,
    ResumeRollouts,
    Sizes,
)
from components.actuator.sizes import digest_of_sizes
from components.kubernetes_api.names import RESIZED_ANNOTATION
from components.kubernetes_api.targets import ReplicaSet, Target

HASH_LABEL = "pod-template-hash"


def begin(
    target: Target, replica_sets: Iterable[ReplicaSet], sizes: Sizes
) -> PauseWithTemplate | None:
    """The first write; None while no ReplicaSet has the Deployment's template."""
    current = _newest_revision(target, replica_sets)
    if current is None:
        return None
    return PauseWithTemplate(sizes, digest_of_sizes(sizes, current.uid))


def finish(target: Target, replica_sets: Iterable[ReplicaSet]) -> Action | None:
    """What a Deployment with our label needs next; None while its controller has to look."""
    sets = list(replica_sets)
    aligned = _newest_revision(target, sets)
    if aligned is not None:
        looked = target.observed_generation >= target.generation
        counted = target.replicas_updated == aligned.replicas_observed
        return ResumeRollouts() if looked and counted else None
    ours = _comparable(target.template, sizes=False)
    alike = [item for item in sets if _comparable(item.template, sizes=False) == ours]
    if not alike:
        return ResumeRollouts()
    chosen = max(alike, key=lambda item: (item.replicas, item.created_s, item.name))
    return AlignReplicaSet(chosen.name, chosen.resource_version, _with_hash_of(chosen, target))


def _with_hash_of(replica_set: ReplicaSet, target: Target) -> dict[str, Any]:
    """The Deployment's template with the label by which the ReplicaSet knows its pods."""
    template: dict[str, Any] = copy.deepcopy(dict(target.template))
    labels = (replica_set.template.get("metadata") or {}).get("labels") or {}
    own = {key: value for key, value in labels.items() if key == HASH_LABEL}
    metadata = template.setdefault("metadata", {})
    metadata["labels"] = {**(metadata.get("labels") or {}), **own}
    return template


def marker_of(template: Mapping[str, Any]) -> str:
    """The marker in a pod template, empty where there is none."""
    annotations = (template.get("metadata") or {}).get("annotations") or {}
    return str(annotations.get(RESIZED_ANNOTATION, ""))


def _newest_revision(target: Target, replica_sets: Iterable[ReplicaSet]) -> ReplicaSet | None:
    """The ReplicaSet with the Deployment's template; of several the oldest, as Kubernetes does.

    kubernetes, pkg/controller/deployment/util, FindNewReplicaSet.
    """
    wanted = _comparable(target.template, sizes=True)
    equal = [item for item in replica_sets if _comparable(item.template, sizes=True) == wanted]
    return min(equal, key=lambda item: (item.created_s, item.name), default=None)


def _comparable(template: Mapping[str, Any], sizes: bool) -> dict[str, Any]:
    """The template without the label that tells ReplicaSets apart; without what we change too."""
    document: dict[str, Any] = copy.deepcopy(dict(template))
    metadata = document.setdefault("metadata", {})
    labels = metadata.get("labels") or {}
    labels.pop(HASH_LABEL, None)
    if not sizes:
        annotations = metadata.get("annotations") or {}
        annotations.pop(RESIZED_ANNOTATION, None)
        if not annotations:
            metadata.pop("annotations", None)
        for container in (document.get("spec") or {}).get("containers") or ():
            container.pop("resources", None)
    return document
