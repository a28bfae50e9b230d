"""Reading the cluster once for all workloads at the start of a tick."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial

from components.kubernetes_api.autoscaler import (
    ALL_AUTOSCALERS,
    MultidimPodAutoscaler,
    autoscaler_of,
)
from components.kubernetes_api.capabilities import Capabilities
from components.kubernetes_api.client import KubernetesClient
from components.kubernetes_api.errors import BadObjectError
from components.kubernetes_api.owners import Claim, other_owners
from components.kubernetes_api.reading import parsed, read_other_owners
from components.kubernetes_api.targets import PLURALS, Target, target_of
from components.recommender.subject import Subject, subject_of

TargetKey = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class Reading:
    """The subjects that can be decided on; each other object with the reason why it can't."""

    subjects: tuple[Subject, ...]
    refused: tuple[tuple[MultidimPodAutoscaler, str], ...]


def read_cluster(client: KubernetesClient, capabilities: Capabilities) -> Reading:
    """Reads all objects, their workloads and who else scales those; raises what the client raises.

    An object that can't be understood costs the others nothing.
    """
    autoscalers = parsed(client.list(ALL_AUTOSCALERS), autoscaler_of)
    if not autoscalers:
        return Reading((), ())
    targets: dict[TargetKey, Target] = {}
    for kind, plural in PLURALS.items():
        for target in parsed(client.list(f"/apis/apps/v1/{plural}"), partial(target_of, kind=kind)):
            targets[kind, target.namespace, target.name] = target
    return reading_of(autoscalers, targets, read_other_owners(client, capabilities))


def reading_of(
    autoscalers: Iterable[MultidimPodAutoscaler],
    targets: dict[TargetKey, Target],
    claims: Iterable[Claim],
) -> Reading:
    """What can be decided on, of objects that were read."""
    every, claimed = list(autoscalers), _by_target(claims)
    rivals: dict[TargetKey, list[MultidimPodAutoscaler]] = {}
    for item in every:
        rivals.setdefault(_target_key(item), []).append(item)
    subjects, refused = [], []
    for item in every:
        key = _target_key(item)
        try:
            owners = other_owners(item, claimed.get(key, ()), rivals[key])
            subjects.append(subject_of(item, targets.get(key), owners))
        except BadObjectError as error:
            refused.append((item, str(error)))
    return Reading(tuple(subjects), tuple(refused))


def _target_key(autoscaler: MultidimPodAutoscaler) -> TargetKey:
    return autoscaler.target_kind, autoscaler.namespace, autoscaler.target_name


def _by_target(claims: Iterable[Claim]) -> dict[TargetKey, list[Claim]]:
    grouped: dict[TargetKey, list[Claim]] = {}
    for claim in claims:
        grouped.setdefault((claim.kind, claim.namespace, claim.name), []).append(claim)
    return grouped
