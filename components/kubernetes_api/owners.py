"""Who else scales a workload: HPA, VPA, KEDA, and MultidimPodAutoscalers themselves."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from components.kubernetes_api.autoscaler import MultidimPodAutoscaler
from components.kubernetes_api.fields import fields_of
from components.kubernetes_api.names import KIND

HPA = "HorizontalPodAutoscaler"
VPA = "VerticalPodAutoscaler"
KEDA = "ScaledObject"


@dataclass(frozen=True, slots=True)
class Claim:
    """One object that scales the workload `kind` `namespace`/`name`; `words` names that object."""

    namespace: str
    kind: str
    name: str
    words: str


def claim_of(document: Mapping[str, Any], owner_kind: str) -> Claim | None:
    """What an HPA, VPA or ScaledObject claims; None for a VPA that only recommends.

    Raises BadObjectError for what can't be understood.
    """
    fields = fields_of(document, owner_kind)
    spec = fields.child("spec")
    if owner_kind == VPA and spec.child("updatePolicy").text("updateMode") == "Off":
        return None
    reference = spec.child("targetRef" if owner_kind == VPA else "scaleTargetRef")
    return Claim(
        namespace=fields.child("metadata").required_text("namespace"),
        # KEDA leaves the kind out where it means a Deployment.
        kind=reference.text("kind", "Deployment"),
        name=reference.required_text("name"),
        words=fields.what,
    )


def other_owners(
    mine: MultidimPodAutoscaler,
    claims: Iterable[Claim],
    autoscalers: Iterable[MultidimPodAutoscaler],
) -> tuple[str, ...]:
    """The names of all that scale the same workload, sorted.

    Of several MultidimPodAutoscalers on one workload the oldest has it (then the first by name),
    so that one that is added by mistake doesn't stop the one that works.
    """
    wanted = (mine.namespace, mine.target_kind, mine.target_name)
    words = {claim.words for claim in claims if (claim.namespace, claim.kind, claim.name) == wanted}
    for other in autoscalers:
        same = (other.namespace, other.target_kind, other.target_name) == wanted
        older = (other.created_s, other.name) < (mine.created_s, mine.name)
        if same and older and other.uid != mine.uid:
            words.add(f"{KIND} {other.key}")
    return tuple(sorted(words))
