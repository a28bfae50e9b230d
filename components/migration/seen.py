"""Reads a cluster for what could be scaled: the only part of discovery that asks anything."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from components.kubernetes_api.autoscaler import (
    ALL_AUTOSCALERS,
    MultidimPodAutoscaler,
    autoscaler_of,
)
from components.kubernetes_api.capabilities import discover
from components.kubernetes_api.client import Json, KubernetesClient
from components.kubernetes_api.errors import AbsentError, BadObjectError, RefusedError
from components.kubernetes_api.fields import Fields, fields_of
from components.kubernetes_api.targets import DEPLOYMENT, PLURALS, STATEFUL_SET, containers_of
from components.migration.discovery import Seen
from components.migration.found import HPA, KEDA, VPA, Found
from components.migration.proposal import found_by_target

_FORBIDDEN = 403
Place = tuple[str, str, str]


@dataclass(slots=True)
class Reader:
    """Reads what it may; what it may not, or what is broken, becomes a note."""

    client: KubernetesClient
    namespace: str = ""
    notes: list[str] = field(default_factory=list)

    def items(self, path: str, needed: bool = False) -> list[Json]:
        """Return a collection's items in the namespace; none where the kind isn't there.

        Raises RefusedError where something that is `needed` may not be read.
        """
        if self.namespace and not path.endswith("/namespaces"):
            head, _, plural = path.rpartition("/")
            path = f"{head}/namespaces/{self.namespace}/{plural}"
        try:
            return self.client.list(path)
        except AbsentError:
            return []
        except RefusedError as error:
            if needed or error.status != _FORBIDDEN:
                raise
            self.notes.append(f"may not read {path.rsplit('/', 1)[-1]}: what they say is missing")
            return []


def seen_in(client: KubernetesClient, namespace: str = "") -> tuple[list[Seen], list[str]]:
    """Return all Deployments and StatefulSets, by key, and notes on what couldn't be read.

    Raises RefusedError where Deployments or StatefulSets may not be read.
    """
    reader = Reader(client, namespace)
    autoscalers = _autoscalers(reader)
    found = _found(reader)
    ingresses = _ingresses(reader)
    meshes = {
        str(item["metadata"]["name"]): _mesh(item) for item in reader.items("/api/v1/namespaces")
    }
    everything = []
    for kind in (DEPLOYMENT, STATEFUL_SET):
        for item in reader.items(f"/apis/apps/v1/{PLURALS[kind]}", needed=True):
            try:
                seen = _seen(fields_of(item, kind), kind, autoscalers, found)
            except BadObjectError as error:
                reader.notes.append(str(error))
                continue
            labels = fields_of(item, kind).child("spec").child("template").child("metadata")
            everything.append(
                _with_traffic(seen, ingresses, labels.child("labels").texts(), meshes)
            )
    known = {(one.namespace, one.kind, one.name) for one in everything}
    reader.notes += [
        f"MultidimPodAutoscaler {one.key}: there is no {one.target_kind} {one.target_name} to scale"
        for place, one in sorted(autoscalers.items())
        if place not in known
    ]
    return sorted(everything, key=lambda one: (one.key, one.kind)), reader.notes


def _seen(
    fields: Fields,
    kind: str,
    autoscalers: Mapping[Place, MultidimPodAutoscaler],
    found: Mapping[Place, Found],
) -> Seen:
    metadata, spec = fields.child("metadata"), fields.child("spec")
    template = spec.child("template")
    replicas = spec.count("replicas")
    namespace, name = metadata.required_text("namespace"), metadata.required_text("name")
    place = (namespace, kind, name)
    return Seen(
        namespace=namespace,
        name=name,
        kind=kind,
        replicas=1 if replicas is None else replicas,
        containers=containers_of(template.child("spec")),
        annotations=metadata.child("annotations").texts(),
        pod_marks=template.child("metadata").child("annotations").texts(),
        autoscaler=autoscalers.get(place),
        found=found.get(place),
    )


def _with_traffic(
    seen: Seen,
    ingresses: Iterable[tuple[str, str, Mapping[str, str]]],
    labels: Mapping[str, str],
    meshes: Mapping[str, str],
) -> Seen:
    leading = {
        name
        for namespace, name, selector in ingresses
        if namespace == seen.namespace and selector and selector.items() <= labels.items()
    }
    return replace(
        seen,
        pod_marks={**labels, **seen.pod_marks},
        ingresses=tuple(sorted(leading)),
        mesh_by_namespace=meshes.get(seen.namespace, ""),
    )


def _autoscalers(reader: Reader) -> dict[Place, MultidimPodAutoscaler]:
    found = {}
    for item in reader.items(ALL_AUTOSCALERS):
        try:
            one = autoscaler_of(item)
        except BadObjectError as error:
            reader.notes.append(str(error))
            continue
        found[one.namespace, one.target_kind, one.target_name] = one
    return found


def _found(reader: Reader) -> dict[Place, Found]:
    """Return what HPAs, VPAs and ScaledObjects say of each target."""
    capabilities = discover(reader.client)
    documents = [
        {**item, "kind": kind}
        for kind, path in (
            (HPA, capabilities.hpa_path),
            (VPA, capabilities.vpa_path),
            (KEDA, capabilities.keda_path),
        )
        if path
        for item in reader.items(path)
    ]
    readable = []
    for document in documents:
        try:
            found_by_target([document], "")
            readable.append(document)
        except BadObjectError as error:
            reader.notes.append(str(error))
    return {
        (one.namespace, one.target_kind, one.target_name): one
        for one in found_by_target(readable, "")
    }


def _ingresses(reader: Reader) -> list[tuple[str, str, Mapping[str, str]]]:
    """Return namespace and name of each Ingress with the selector of each Service behind it."""
    behind: defaultdict[tuple[str, str], set[str]] = defaultdict(set)
    for item in reader.items("/apis/networking.k8s.io/v1/ingresses"):
        fields = fields_of(item, "Ingress")
        metadata, spec = fields.child("metadata"), fields.child("spec")
        backends = [spec.child("defaultBackend")]
        for rule in spec.items("rules"):
            backends += [path.child("backend") for path in rule.child("http").items("paths")]
        place = metadata.text("namespace"), metadata.text("name")
        behind[place] |= {backend.child("service").text("name") for backend in backends}
    if not behind:
        return []
    selectors = {
        (item["metadata"]["namespace"], item["metadata"]["name"]): _selector(item)
        for item in reader.items("/api/v1/services")
    }
    return [
        (namespace, name, selectors[namespace, service])
        for (namespace, name), services in sorted(behind.items())
        for service in sorted(services)
        if (namespace, service) in selectors
    ]


def _selector(service: Mapping[str, Any]) -> Mapping[str, str]:
    return fields_of(service, "Service").child("spec").child("selector").texts()


def _mesh(namespace: Mapping[str, Any]) -> str:
    """Return the mesh that takes in every pod of the namespace, or an empty text."""
    metadata = fields_of(namespace, "Namespace").child("metadata")
    labels, annotations = metadata.child("labels").texts(), metadata.child("annotations").texts()
    if labels.get("istio-injection") == "enabled" or "istio.io/rev" in labels:
        return "istio"
    return "linkerd" if annotations.get("linkerd.io/inject") == "enabled" else ""
