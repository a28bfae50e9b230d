"""What the cluster says of a workload that is to be scaled, and what it can't say (pure).

An object says by annotations what Kubernetes has no field for; they are named as on a
MultidimPodAutoscaler, which says the same:

| aware.autoscaling/...                            | e.g.                     |
|--------------------------------------------------|--------------------------|
| scale                                            | "true": propose it       |
| container                                        | app                      |
| slo-latency-ms                                   | "150"                    |
| slo-latency-percentile, or slo-success-ratio     | "0.95"                   |
| replicas, cpu, memory                            | 1-6, 50m-600m, 40Mi-1Gi  |
| metrics                                          | {"source": "istio"}      |
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from pydantic import ValidationError

from components.kubernetes_api.autoscaler import MultidimPodAutoscaler
from components.kubernetes_api.names import PREFIX
from components.kubernetes_api.resources import Resources
from components.migration.found import Found
from components.workload.document import MetricsDocument

SCALE = f"{PREFIX}/scale"
CONTAINER = f"{PREFIX}/container"
LATENCY = f"{PREFIX}/slo-latency-ms"
PERCENTILE = f"{PREFIX}/slo-latency-percentile"
SUCCESS = f"{PREFIX}/slo-success-ratio"
METRICS = f"{PREFIX}/metrics"

# Containers that a mesh or an agent puts beside the one that is meant.
_SIDECARS = (
    "istio-proxy",
    "linkerd-proxy",
    "linkerd-init",
    "envoy",
    "vault-agent",
    "cloudsql-proxy",
)
_DEFAULT_CONTAINER = "kubectl.kubernetes.io/default-container"


@dataclass(frozen=True, slots=True)
class Proposed:
    """A value for the workloads file; None where nobody can know it. `why`, if it isn't certain."""

    value: str | int | float | None
    why: str = ""


@dataclass(frozen=True, slots=True)
class Seen:
    """What the cluster shows of one Deployment or StatefulSet.

    `containers` are its pod template's, in order; `pod_marks` its labels and annotations.
    `autoscaler` is the MultidimPodAutoscaler of it, `found` what HPAs, VPAs and ScaledObjects say.
    `ingresses` lead to it. `mesh_by_namespace` is "istio" or "linkerd" where all its namespace is
    in one, else empty.
    """

    namespace: str
    name: str
    kind: str
    replicas: int
    containers: Mapping[str, Resources]
    annotations: Mapping[str, str] = field(default_factory=dict)
    pod_marks: Mapping[str, str] = field(default_factory=dict)
    autoscaler: MultidimPodAutoscaler | None = None
    found: Found | None = None
    ingresses: tuple[str, ...] = ()
    mesh_by_namespace: str = ""

    @property
    def key(self) -> str:
        """Return ``namespace/name``."""
        return f"{self.namespace}/{self.name}"

    @property
    def said(self) -> dict[str, str]:
        """Return the annotations of the object and, above them, of its autoscaler."""
        return {**self.annotations, **(self.autoscaler.annotations if self.autoscaler else {})}

    @property
    def asked_for(self) -> bool:
        """Return whether someone asked for it to be scaled: by annotation or by an autoscaler."""
        return self.autoscaler is not None or self.annotations.get(SCALE, "").lower() == "true"


def container_of(seen: Seen) -> Proposed:
    """Return the container that is sized."""
    named = [seen.said.get(CONTAINER, ""), seen.pod_marks.get(_DEFAULT_CONTAINER, "")]
    if seen.autoscaler:
        named += [one.container for one in seen.autoscaler.policies if one.controlled]
    for name in named:
        if name in seen.containers:
            return Proposed(name)
    said = seen.said.get(CONTAINER)
    wrong = f"annotation {CONTAINER} names none that is there: " if said else ""
    own = [name for name in seen.containers if name not in _SIDECARS]
    if len(own) == 1:
        return Proposed(own[0], wrong)
    first = next(iter(own or seen.containers), None)
    return Proposed(first, f"{wrong}a guess, the first of {', '.join(seen.containers) or 'none'}")


def slo_of(seen: Seen) -> dict[str, Proposed]:
    """Return the objective's keys; nobody but the users' promise knows its milliseconds."""
    share, annotation = (
        ("success_ratio", SUCCESS) if SUCCESS in seen.said else ("latency_percentile", PERCENTILE)
    )
    said, latency = _number(seen.said.get(annotation)), _number(seen.said.get(LATENCY))
    ratio = Proposed(0.95, "a guess: state the share")
    if annotation in seen.said:
        ratio = Proposed(None, f"annotation {annotation} is no share between 0 and 1")
        if said is not None and 0 < said < 1:
            ratio = Proposed(said)
    latency_ms = Proposed(None, "unknown: state what users were promised")
    if LATENCY in seen.said:
        latency_ms = Proposed(None, f"annotation {LATENCY} is no time above 0")
        if latency is not None and 0 < latency < float("inf"):
            latency_ms = Proposed(latency)
    return {share: ratio, "latency_ms": latency_ms}


def metrics_of(seen: Seen) -> tuple[dict[str, str], str]:
    """Return the keys of `metrics` and why, if it isn't certain; {} where nothing hints at any."""
    if text := seen.said.get(METRICS):
        try:
            document = MetricsDocument.model_validate_json(text)
        except ValidationError as error:
            return {}, f"annotation {METRICS} is wrong: {error.errors()[0]['msg']}"
        return {name: value for name, value in document.model_dump().items() if value}, ""
    notes = {**seen.annotations, **seen.pod_marks}
    if "istio-proxy" in seen.containers or notes.get("sidecar.istio.io/inject") == "true":
        return {"source": "istio"}, "as its pods have Istio's proxy"
    if "linkerd-proxy" in seen.containers or notes.get("linkerd.io/inject") == "enabled":
        return {"source": "linkerd"}, "as its pods have Linkerd's proxy"
    if seen.mesh_by_namespace:
        mesh = seen.mesh_by_namespace
        return {"source": mesh}, f"as its namespace is in {mesh.capitalize()}'s mesh"
    if any(name.startswith("instrumentation.opentelemetry.io/inject-") for name in notes):
        return {"source": "opentelemetry"}, "as OpenTelemetry instruments its pods"
    if seen.ingresses:
        others = f", of {', '.join(seen.ingresses)}" if len(seen.ingresses) > 1 else ""
        return (
            {"source": "ingress-nginx", "ingress": seen.ingresses[0]},
            f"as an Ingress leads to it{others}",
        )
    return {}, "unknown: state where its requests are counted"


def _number(text: str | None) -> float | None:
    try:
        return float(text or "")
    except ValueError:
        return None
