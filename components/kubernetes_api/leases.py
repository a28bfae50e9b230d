"""Leases: one acting process of several, and whether another service still lives.

A holder counts as gone when its Lease hasn't changed for its whole duration by this process's own
monotonic clock, as in client-go: clocks of two machines, and jumps of one, play no part.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from components.kubernetes_api.client import Json, KubernetesClient
from components.kubernetes_api.errors import AbsentError, ConflictError
from components.kubernetes_api.fields import Fields, fields_of


@dataclass(frozen=True, slots=True)
class Seen:
    """What a Lease said, and when this process first saw it say so (monotonic seconds)."""

    holder: str
    renewed: str
    duration_s: int
    at_s: float

    def after(self, lease: Fields, now_s: float) -> Seen:
        """What is known after reading the Lease again."""
        now = _seen(lease, now_s)
        same = (now.holder, now.renewed) == (self.holder, self.renewed)
        return Seen(now.holder, now.renewed, now.duration_s, self.at_s if same else now_s)

    def held(self, now_s: float) -> bool:
        """Whether the holder has to be taken for alive."""
        return bool(self.holder) and now_s < self.at_s + self.duration_s


class LeaseHolder:
    """Holds a Lease for this process: call `hold` several times within its duration."""

    def __init__(
        self,
        client: KubernetesClient,
        namespace: str,
        name: str,
        identity: str,
        duration_s: int = 15,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._client = client
        self._namespace = namespace
        self._name = name
        self._identity = identity
        self._duration_s = duration_s
        self._clock = clock
        self._seen: Seen | None = None

    def hold(self) -> bool:
        """Takes or renews the Lease; whether this process may act until the next call."""
        try:
            document = self._client.get(_path(self._namespace, self._name))
        except AbsentError:
            return self._create()
        lease, now_s = fields_of(document, "Lease"), self._clock()
        self._seen = _seen(lease, now_s) if self._seen is None else self._seen.after(lease, now_s)
        if self._seen.holder != self._identity and self._seen.held(now_s):
            return False
        return self._write(document)

    def release(self) -> None:
        """Gives the Lease up, so that another process needn't wait for it to lapse."""
        document = self._client.get(_path(self._namespace, self._name))
        if fields_of(document, "Lease").child("spec").text("holderIdentity") == self._identity:
            document["spec"] |= {"holderIdentity": "", "renewTime": _micro_time()}
            self._client.put(_path(self._namespace, self._name), document)

    def _create(self) -> bool:
        document = {
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": {"namespace": self._namespace, "name": self._name},
            "spec": self._spec(transitions=0, acquired=_micro_time()),
        }
        try:
            self._client.create(_path(self._namespace), document)
        except ConflictError:
            return False
        return True

    def _write(self, document: Json) -> bool:
        spec = fields_of(document, "Lease").child("spec")
        mine = spec.text("holderIdentity") == self._identity
        transitions = (spec.count("leaseTransitions") or 0) + (0 if mine else 1)
        acquired = spec.text("acquireTime") if mine else _micro_time()
        try:
            self._client.put(
                _path(self._namespace, self._name),
                {**document, "spec": self._spec(transitions, acquired)},
            )
        except ConflictError:
            return False
        return True

    def _spec(self, transitions: int, acquired: str) -> dict[str, Any]:
        return {
            "holderIdentity": self._identity,
            "leaseDurationSeconds": self._duration_s,
            "acquireTime": acquired,
            "renewTime": _micro_time(),
            "leaseTransitions": transitions,
        }


class LeaseWatch:
    """Watches another service's Lease."""

    def __init__(
        self,
        client: KubernetesClient,
        namespace: str,
        name: str,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._client = client
        self._path = _path(namespace, name)
        self._clock = clock
        self._seen: Seen | None = None
        self._renewals = 0

    def alive(self) -> bool:
        """Whether its holder renews it; not before one renewal was seen by this process."""
        try:
            lease = fields_of(self._client.get(self._path), "Lease")
        except AbsentError:
            return False
        now_s = self._clock()
        before = self._seen
        self._seen = _seen(lease, now_s) if before is None else before.after(lease, now_s)
        if before is not None and self._seen.renewed != before.renewed:
            self._renewals += 1
        return self._renewals > 0 and self._seen.held(now_s)


def _seen(lease: Fields, now_s: float) -> Seen:
    spec = lease.child("spec")
    return Seen(
        holder=spec.text("holderIdentity"),
        renewed=spec.text("renewTime"),
        duration_s=spec.count("leaseDurationSeconds") or 0,
        at_s=now_s,
    )


def _path(namespace: str, name: str = "") -> str:
    collection = f"/apis/coordination.k8s.io/v1/namespaces/{namespace}/leases"
    return f"{collection}/{name}" if name else collection


def _micro_time() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
