"""PromQL for requests, errors and latency, by where a workload's traffic is measured.

| source        | its histogram is in                | labels that name the workload        |
|---------------|------------------------------------|--------------------------------------|
| istio         | milliseconds                       | destination_workload(_namespace)     |
| linkerd       | milliseconds                       | namespace, deployment or statefulset |
| ingress-nginx | seconds                            | (exported_)namespace, ingress        |
| opentelemetry | seconds, in older SDKs milliseconds| namespace, pod                       |
| promql        | what the user's query says         | none: one query a workload           |
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from components.metrics.queries import Query, selector
from components.workload.spec import Workload

MEDIAN = 0.5
_POD_OWNER = {"Deployment": "(.+)-[a-z0-9]+-[a-z0-9]+", "StatefulSet": "(.+)-[0-9]+"}


@dataclass(frozen=True, slots=True)
class _Meter:
    """How one source counts the requests of workloads of one kind: metrics, unit and labels."""

    requests: str
    errors: str
    error_matcher: str
    histogram: str
    milliseconds: float
    namespace_labels: tuple[str, ...]
    name_label: str
    chosen: str
    owner_pattern: str = ""


def traffic_queries(workloads: Sequence[Workload], window_s: int) -> list[Query]:
    """Return the queries for request rate, error rate and latency of all workloads."""
    groups: defaultdict[tuple[str, str], list[Workload]] = defaultdict(list)
    for workload in workloads:
        groups[(workload.metrics.source, workload.kind)].append(workload)
    queries: list[Query] = []
    for (source, _), members in sorted(groups.items()):
        if source == "promql":
            for workload in members:
                queries += _own_queries(workload)
            continue
        for meter in _METERS[source](members):
            queries += _metered(meter, members, window_s)
    return queries


def _metered(meter: _Meter, members: Sequence[Workload], window_s: int) -> list[Query]:
    labels = ", ".join((*meter.namespace_labels, meter.name_label))
    all_keys = tuple(workload.key for workload in members)

    def summed(metric: str, matcher: str, with_le: str = "") -> str:
        rates = f"rate({metric}{{{meter.chosen}{matcher}}}[{window_s}s])"
        if meter.owner_pattern:
            rates = (
                f'label_replace({rates}, "{meter.name_label}", "$1", "pod",'
                f' "{meter.owner_pattern}")'
            )
        return f"sum by ({labels}{with_le}) ({rates})"

    def query(measure: str, metric: str, text: str, keys: tuple[str, ...], unit: str) -> Query:
        scale = meter.milliseconds if unit == "ms" else 1.0
        return Query(
            measure,
            metric,
            text,
            keys,
            "name",
            meter.namespace_labels,
            meter.name_label,
            scale,
            unit,
        )

    def latency(measure: str, percentile: float, keys: tuple[str, ...]) -> Query:
        buckets = summed(meter.histogram, "", ", le")
        text = f"histogram_quantile({percentile!r}, {buckets})"
        return query(measure, meter.histogram, text, keys, "ms")

    percentiles: defaultdict[float, list[str]] = defaultdict(list)
    for workload in members:
        percentiles[workload.slo.latency_percentile].append(workload.key)
    errors = summed(meter.errors, f",{meter.error_matcher}")
    return [
        query("request_rate", meter.requests, summed(meter.requests, ""), all_keys, "requests/s"),
        query("error_rate", meter.errors, errors, all_keys, "requests/s"),
        latency("latency_p50", MEDIAN, all_keys),
        *(latency("latency", share, tuple(keys)) for share, keys in sorted(percentiles.items())),
    ]


def _istio(members: Sequence[Workload]) -> list[_Meter]:
    chosen = 'reporter="destination",' + selector(
        destination_workload_namespace=(workload.namespace for workload in members),
        destination_workload=(workload.name for workload in members),
    )
    return [
        _Meter(
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


def _linkerd(members: Sequence[Workload]) -> list[_Meter]:
    label = members[0].kind.lower()
    chosen = 'direction="inbound",' + selector(
        namespace=(workload.namespace for workload in members),
        **{label: (workload.name for workload in members)},
    )
    return [
        _Meter(
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


def _ingress_nginx(members: Sequence[Workload]) -> list[_Meter]:
    # Scraped without honor_labels, the Ingress' namespace becomes exported_namespace and
    # `namespace` is the controller's: so the namespace is told apart by the series' labels.
    return [
        _Meter(
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


def _opentelemetry(members: Sequence[Workload]) -> list[_Meter]:
    chosen = selector(namespace=(workload.namespace for workload in members))
    seconds, milliseconds = (
        "http_server_request_duration_seconds",
        "http_server_duration_milliseconds",
    )
    status = {seconds: "http_response_status_code", milliseconds: "http_status_code"}
    return [
        _Meter(
            requests=f"{metric}_count",
            errors=f"{metric}_count",
            error_matcher=f'{status[metric]}=~"5.."',
            histogram=f"{metric}_bucket",
            milliseconds=scale,
            namespace_labels=("namespace",),
            name_label="owner",
            chosen=chosen,
            owner_pattern=_POD_OWNER[members[0].kind],
        )
        for metric, scale in ((seconds, 1000.0), (milliseconds, 1.0))
    ]


_METERS: dict[str, Callable[[Sequence[Workload]], list[_Meter]]] = {
    "istio": _istio,
    "linkerd": _linkerd,
    "ingress-nginx": _ingress_nginx,
    "opentelemetry": _opentelemetry,
}


def _own_queries(workload: Workload) -> list[Query]:
    metrics = workload.metrics
    texts = {
        "request_rate": (metrics.request_rate, 1.0, "requests/s"),
        "latency": (metrics.latency, milliseconds_of(metrics.latency), "ms"),
        "latency_p50": (metrics.latency_p50, milliseconds_of(metrics.latency_p50), "ms"),
        "error_ratio": (metrics.error_ratio, 1.0, "ratio"),
    }
    return [
        Query(measure, f"metrics.{measure}", text, (workload.key,), "name", (), "", scale, unit)
        for measure, (text, scale, unit) in texts.items()
        if text
    ]


def milliseconds_of(query: str) -> float:
    """Return what turns the user's latency into milliseconds, guessed from the query.

    A metric named `_seconds` is in seconds unless the query multiplies by 1000 itself; all else
    is taken as milliseconds. The quality report states the guess.
    """
    in_seconds = re.search(r"_seconds(?![a-z0-9])", query) is not None
    converted = re.search(r"\*\s*(1000|1e3)\b|\b(1000|1e3)\s*\*", query) is not None
    return 1000.0 if in_seconds and not converted else 1.0
