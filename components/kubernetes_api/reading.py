"""Reading collections of which some objects may be broken, and who else scales what."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from functools import partial
from typing import TypeVar

from components.kubernetes_api.capabilities import Capabilities
from components.kubernetes_api.client import Json, KubernetesClient
from components.kubernetes_api.errors import BadObjectError
from components.kubernetes_api.owners import HPA, KEDA, VPA, Claim, claim_of

_log = logging.getLogger(__name__)
_Parsed = TypeVar("_Parsed")


def parsed(items: Iterable[Json], parse: Callable[[Json], _Parsed]) -> list[_Parsed]:
    """The items that can be understood; one that can't is told in the log and left out."""
    understood = []
    for item in items:
        try:
            understood.append(parse(item))
        except BadObjectError as error:
            _log.warning("%s", error)
    return understood


def read_other_owners(client: KubernetesClient, capabilities: Capabilities) -> list[Claim]:
    """What HPAs, VPAs and ScaledObjects claim, for the whole cluster.

    Raises what the client raises: not knowing is no permission.
    """
    others: list[Claim] = []
    for kind, path in (
        (HPA, capabilities.hpa_path),
        (VPA, capabilities.vpa_path),
        (KEDA, capabilities.keda_path),
    ):
        if path:
            claims = parsed(client.list(path), partial(claim_of, owner_kind=kind))
            others.extend(claim for claim in claims if claim is not None)
    return others
