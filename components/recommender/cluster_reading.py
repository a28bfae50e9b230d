"""Reading the cluster once for all workloads at the start of a tick."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Generic, TypeVar

from components.kubernetes_api.autoscaler import (
    ALL_AUTOSCALERS,
    MultidimPodAutoscaler,
    autoscaler_of,
)
from components.kubernetes_api.capabilities import Capabilities
from components.kubernetes_api.client import Json, KubernetesClient
from components.kubernetes_api.errors import BadObjectError
from components.kubernetes_api.names import RECOMMENDER
from components.kubernetes_api.owners import Claim, other_owners
from components.kubernetes_api.reading import parsed, read_other_owners
from components.kubernetes_api.targets import PLURALS, Target, target_of
from components.recommender.subject import Subject, subject_of

TargetKey = tuple[str, str, str]
_Parsed = TypeVar("_Parsed")


@dataclass(frozen=True, slots=True)
class Reading:
    """The subjects that can be decided on; each other object with the reason why it can't."""

    subjects: tuple[Subject, ...]
    refused: tuple[tuple[MultidimPodAutoscaler, str], ...]


@dataclass(slots=True)
class Parsing(Generic[_Parsed]):
    """Parses objects, those that changed since the last time anew.

    A resourceVersion names one content of one object: what was read of it then still holds.
    """

    parse: Callable[[Json], _Parsed]
    known: dict[str, tuple[str, _Parsed]] = field(default_factory=dict)

    def __call__(self, items: Iterable[Json]) -> list[_Parsed]:
        """What can be understood of the items, in their order; what isn't there is forgotten."""
        seen: dict[str, tuple[str, _Parsed]] = {}
        found = parsed(items, partial(self._one, seen))
        self.known = seen
        return found

    def _one(self, seen: dict[str, tuple[str, _Parsed]], item: Json) -> _Parsed:
        metadata = item.get("metadata")
        named = metadata if isinstance(metadata, Mapping) else {}
        version = str(named.get("resourceVersion") or "")
        key = f"{named.get('namespace')}/{named.get('name')}"
        before = self.known.get(key)
        kept = before if before is not None and version and before[0] == version else None
        seen[key] = kept or (version, self.parse(item))
        return seen[key][1]


@dataclass(slots=True)
class _Known:
    """A subject (or why there is none) with all that it was read from."""

    autoscaler: MultidimPodAutoscaler
    target: Target | None
    owners: tuple[str, ...]
    subject: Subject | None
    problem: str

    def holds(
        self, autoscaler: MultidimPodAutoscaler, target: Target | None, owners: tuple[str, ...]
    ) -> bool:
        """Whether nothing that it was read from has changed."""
        return self.autoscaler is autoscaler and self.target is target and self.owners == owners


class ClusterReader:
    """Reads all objects, their workloads and who else scales those."""

    def __init__(self) -> None:
        self._autoscalers = Parsing(autoscaler_of)
        self._targets = {kind: Parsing(partial(target_of, kind=kind)) for kind in PLURALS}
        self._known: dict[str, _Known] = {}

    def read(self, client: KubernetesClient, capabilities: Capabilities) -> Reading:
        """What can be decided on now; raises what the client raises.

        An object that can't be understood costs the others nothing. One that names another
        recommender is that one's: it only counts as another owner of its workload.
        """
        autoscalers = self._autoscalers(client.list(ALL_AUTOSCALERS))
        if not autoscalers:
            return Reading((), ())
        targets: dict[TargetKey, Target] = {}
        for kind, plural in PLURALS.items():
            for target in self._targets[kind](client.list(f"/apis/apps/v1/{plural}")):
                targets[kind, target.namespace, target.name] = target
        return self._reading(autoscalers, targets, read_other_owners(client, capabilities))

    def _reading(
        self,
        autoscalers: list[MultidimPodAutoscaler],
        targets: dict[TargetKey, Target],
        claims: Iterable[Claim],
    ) -> Reading:
        claimed = _by_target(claims)
        rivals: dict[TargetKey, list[MultidimPodAutoscaler]] = {}
        for item in autoscalers:
            rivals.setdefault(_target_key(item), []).append(item)
        subjects, refused, seen = [], [], {}
        for item in autoscalers:
            if item.recommender != RECOMMENDER:
                continue
            key = _target_key(item)
            owners = other_owners(item, claimed.get(key, ()), rivals[key])
            known = self._subject(item, targets.get(key), owners)
            seen[item.key] = known
            if known.subject is None:
                refused.append((item, known.problem))
            else:
                subjects.append(known.subject)
        self._known = seen
        return Reading(tuple(subjects), tuple(refused))

    def _subject(
        self, item: MultidimPodAutoscaler, target: Target | None, owners: tuple[str, ...]
    ) -> _Known:
        before = self._known.get(item.key)
        if before is not None and before.holds(item, target, owners):
            return before
        try:
            return _Known(item, target, owners, subject_of(item, target, owners), "")
        except BadObjectError as error:
            return _Known(item, target, owners, None, str(error))


def _target_key(autoscaler: MultidimPodAutoscaler) -> TargetKey:
    return autoscaler.target_kind, autoscaler.namespace, autoscaler.target_name


def _by_target(claims: Iterable[Claim]) -> dict[TargetKey, list[Claim]]:
    grouped: dict[TargetKey, list[Claim]] = {}
    for claim in claims:
        grouped.setdefault((claim.kind, claim.namespace, claim.name), []).append(claim)
    return grouped
