"""Reading what bounds a wish: cheap things each tick, nodes now and then."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from components.actuator.ceilings import Ceilings
from components.kubernetes_api.ceilings import Node, limit_range_of, node_of, quota_of
from components.kubernetes_api.client import KubernetesClient
from components.kubernetes_api.errors import RefusedError
from components.kubernetes_api.reading import parsed

_log = logging.getLogger(__name__)
_Read = TypeVar("_Read")

# A large cluster's nodes are megabytes, and their sizes hardly change.
NODES_EVERY_S = 300.0


@dataclass
class Room:
    """Reads LimitRanges, ResourceQuotas and nodes of the whole cluster.

    What this account may not read bounds nothing, as admission and scheduler have the last word;
    a server that doesn't answer is raised: not knowing is no permission.
    """

    client: KubernetesClient
    clock: Callable[[], float]
    _nodes: tuple[Node, ...] = ()
    _nodes_read_s: float | None = field(default=None)

    def read(self) -> Ceilings:
        """What holds now; raises what the client raises."""
        now_s = self.clock()
        if self._nodes_read_s is None or now_s - self._nodes_read_s >= NODES_EVERY_S:
            self._nodes = self._all("/api/v1/nodes", node_of)
            self._nodes_read_s = now_s
        return Ceilings(
            self._all("/api/v1/limitranges", limit_range_of),
            self._all("/api/v1/resourcequotas", quota_of),
            self._nodes,
        )

    def _all(self, path: str, parse: Callable[[Mapping[str, Any]], _Read]) -> tuple[_Read, ...]:
        try:
            return tuple(parsed(self.client.list(path), parse))
        except RefusedError as error:
            _log.warning("%s can't be read, so that it bounds nothing: %s", path, error)
            return ()
