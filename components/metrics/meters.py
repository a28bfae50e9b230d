"""Where requests and their latency are counted: metrics, unit and labels by source.

| source        | its histogram is in                | labels that name the workload        |
|---------------|------------------------------------|--------------------------------------|
| istio         | milliseconds                       | destination_workload(_namespace)     |
| linkerd       | milliseconds                       | namespace, deployment or statefulset |
| ingress-nginx | seconds                            | (exported_)namespace, ingress        |
| opentelemetry | seconds, in older SDKs milliseconds| namespace, pod                       |
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from components.metrics.queries import selector
from components.workload.spec import Workload

_POD_OWNER = {"Deployment": "(.+)-[a-z0-9]+-[a-z0-9]+", "StatefulSet": "(.+)-[0-9]+"}


@dataclass(frozen=True, slots=True)
class Meter:
    """How one source counts the requests of workloads of one kind: metrics, unit and labels.

    `native` says that the histogram is a native one, which has no buckets as series of their own.
    """

    requests: str
    errors: str
    error_matcher: str
    histogram: str
    milliseconds: float
    namespace_labels: tuple[str, ...]
    name_label: str
    chosen: str
    owner_pattern: str = ""
    native: bool = False

    @property
    def labels(self) -> str:
        """Return the labels by which its series are told apart."""
        return ", ".join((*self.namespace_labels, self.name_label))


def meters_of(source: str, members: Sequence[Workload]) -> list[Meter]:
    """Return the source's meters of these workloads, the one to prefer first; promql has none."""
    return _METERS[source](members) if source in _METERS else []


def _istio(members: Sequence[Workload]) -> list[Meter]:
    chosen = 'reporter="destination",' + selector(
        destination_workload_namespace=(workload.namespace for workload in members),
        destination_workload=(workload.name for workload in members),
    )
    return [
        Meter(
            requests="istio_requests_total",
            errors="istio_requests_total",
            error_matcher='response_code=~"5.."',
            histogram="istio_request_duration_milliseconds_bucket",
            milliseconds=1.0,
            namespace_labels=("destination_workload_namespace",),
            name_label="destination_workload",
            chosen=chosen,
        )
    ]


def _linkerd(members: Sequence[Workload]) -> list[Meter]:
    label = members[0].kind.lower()
    chosen = 'direction="inbound",' + selector(
        namespace=(workload.namespace for workload in members),
        **{label: (workload.name for workload in members)},
    )
    return [
        Meter(
            requests="request_total",
            errors="response_total",
            error_matcher='classification="failure"',
            histogram="response_latency_ms_bucket",
            milliseconds=1.0,
            namespace_labels=("namespace",),
            name_label=label,
            chosen=chosen,
        )
    ]


def _ingress_nginx(members: Sequence[Workload]) -> list[Meter]:
    # Scraped without honor_labels, the Ingress' namespace becomes exported_namespace and
    # `namespace` is the controller's: so the namespace is told apart by the series' labels.
    return [
        Meter(
            requests="nginx_ingress_controller_requests",
            errors="nginx_ingress_controller_requests",
            error_matcher='status=~"5.."',
            histogram="nginx_ingress_controller_request_duration_seconds_bucket",
            milliseconds=1000.0,
            namespace_labels=("exported_namespace", "namespace"),
            name_label="ingress",
            chosen=selector(ingress=(workload.metrics.ingress for workload in members)),
        )
    ]


def _opentelemetry(members: Sequence[Workload]) -> list[Meter]:
    chosen = selector(namespace=(workload.namespace for workload in members))
    seconds, old = "http_server_request_duration_seconds", "http_server_duration_milliseconds"
    classic, native = ("_count", "_bucket"), ("", "")
    return [
        Meter(
            requests=f"{metric}{count}",
            errors=f"{metric}{count}",
            error_matcher=f'{status}=~"5.."',
            histogram=f"{metric}{buckets}",
            milliseconds=milliseconds,
            namespace_labels=("namespace",),
            name_label="owner",
            chosen=chosen,
            owner_pattern=_POD_OWNER[members[0].kind],
            native=not buckets,
        )
        for metric, status, milliseconds, (count, buckets) in (
            (seconds, "http_response_status_code", 1000.0, classic),
            (old, "http_status_code", 1.0, classic),
            (seconds, "http_response_status_code", 1000.0, native),
        )
    ]


_METERS: dict[str, Callable[[Sequence[Workload]], list[Meter]]] = {
    "istio": _istio,
    "linkerd": _linkerd,
    "ingress-nginx": _ingress_nginx,
    "opentelemetry": _opentelemetry,
}
