"""The PromQL that is sent: text by source, units, and names with a meaning in patterns."""

from __future__ import annotations

from dataclasses import replace

import pytest

from components.metrics.checks import check_queries
from components.metrics.queries import container_queries, replica_queries
from components.metrics.traffic import milliseconds_of, traffic_queries
from components.workload.spec import Bounds, MetricSource, Slo, Workload


def _workload(name: str, source: str, kind: str = "Deployment", share: float = 0.9) -> Workload:
    metrics = MetricSource(source, ingress=name if source == "ingress-nginx" else "")
    bounds = Bounds(1, 2, 1, 2, 1, 2)
    return Workload("shop", name, kind, "app", Slo(share, 100.0), bounds, metrics)


def _by_measure(workloads: list[Workload]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for query in traffic_queries(workloads, 60):
        found.setdefault(query.measure, []).append(query.text)
    return found


def test_one_query_a_measure_serves_all_workloads() -> None:
    workloads = [_workload(f"a{index}", "istio") for index in range(50)]
    assert len(container_queries(workloads, 60)) == 11
    assert len(replica_queries(workloads)) == 2
    assert len(traffic_queries(workloads, 60)) == 4


def test_a_container_is_asked_by_its_pod_and_never_summed() -> None:
    queries = {query.measure: query for query in container_queries([_workload("a", "istio")], 30)}
    assert queries["cpu_usage"].text == (
        "max by (namespace, pod, container) (rate(container_cpu_usage_seconds_total"
        '{namespace=~"shop",container=~"app"}[30s]))'
    )
    assert queries["cpu_usage"].scale == 1000.0
    limits = (
        'kube_pod_container_resource_limits{namespace=~"shop",container=~"app",resource="memory"}'
    )
    assert queries["memory_limit"].text == (
        f"max by (namespace, pod, container) ({limits} and last_over_time({limits}[30s]))"
    )
    assert "last_over_time(container_memory_working_set_bytes{" in queries["working_set"].text


def test_replicas_are_asked_by_kind() -> None:
    texts = [
        query.text
        for query in replica_queries([_workload("a", "istio"), _workload("b", "", "StatefulSet")])
    ]
    chosen = {
        "kube_deployment_spec_replicas": 'namespace=~"shop",deployment=~"a"',
        "kube_deployment_status_replicas_ready": 'namespace=~"shop",deployment=~"a"',
        "kube_statefulset_replicas": 'namespace=~"shop",statefulset=~"b"',
        "kube_statefulset_status_replicas_ready": 'namespace=~"shop",statefulset=~"b"',
    }
    assert texts == [
        f"max by (namespace, {metric.split('_')[1]}) ({metric}{{{labels}}} and"
        f" last_over_time({metric}{{{labels}}}[60s]))"
        for metric, labels in chosen.items()
    ]


def test_istio() -> None:
    chosen = (
        'reporter="destination",destination_workload_namespace=~"shop",destination_workload=~"a"'
    )
    by = "destination_workload_namespace, destination_workload"
    duration = "istio_request_duration_milliseconds"
    buckets = (
        f"sum by ({by}, le) (rate({duration}_bucket{{{chosen}}}[60s])) or label_replace(sum by"
        f' ({by}) (rate({duration}_count{{{chosen}}}[60s])), "le", "+Inf", "", "")'
    )
    once = "avg without (prometheus_replica, replica, receive_replica)"
    assert _by_measure([_workload("a", "istio")]) == {
        "request_rate": [f"sum by ({by}) ({once} (rate(istio_requests_total{{{chosen}}}[60s])))"],
        "error_rate": [
            f"sum by ({by}) ({once}"
            f' (rate(istio_requests_total{{{chosen},response_code=~"5.."}}[60s])))'
        ],
        "latency_p50": [f"histogram_quantile(0.5, {buckets})"],
        "latency": [f"histogram_quantile(0.9, {buckets})"],
    }


def test_linkerd_is_asked_by_the_label_of_the_kind() -> None:
    found = _by_measure([_workload("a", "linkerd"), _workload("b", "linkerd", "StatefulSet")])
    chosen = 'direction="inbound",namespace=~"shop"'
    once = "avg without (prometheus_replica, replica, receive_replica)"
    assert found["request_rate"] == [
        f"sum by (namespace, {kind}) ({once} (rate(request_total{{{chosen},{kind}=~{name}}}[60s])))"
        for kind, name in (("deployment", '"a"'), ("statefulset", '"b"'))
    ]
    assert 'classification="failure"' in found["error_rate"][0]
    assert "response_latency_ms_bucket" in found["latency"][0]


def test_ingress_nginx_is_in_seconds_and_told_apart_by_either_namespace() -> None:
    queries = traffic_queries([_workload("a", "ingress-nginx")], 60)
    assert queries[0].text == (
        "sum by (exported_namespace, namespace, ingress) (avg without (prometheus_replica, replica,"
        ' receive_replica) (rate(nginx_ingress_controller_requests{ingress=~"a"}[60s])))'
    )
    assert [query.scale for query in queries] == [1.0, 1.0, 1000.0, 1000.0]


def test_opentelemetry_is_asked_in_seconds_first_and_then_in_milliseconds() -> None:
    queries = [
        query
        for query in traffic_queries([_workload("a", "opentelemetry")], 60)
        if query.measure == "latency"
    ]
    assert [query.scale for query in queries] == [1000.0, 1.0]
    assert queries[0].text.startswith(
        "histogram_quantile(0.9, sum by (namespace, owner, le) (label_replace("
        'rate(http_server_request_duration_seconds_bucket{namespace=~"shop"}[60s]),'
        ' "owner", "$1", "pod", "(.+)-[a-z0-9]+-[a-z0-9]+")) or label_replace('
    )


def test_opentelemetrys_native_histograms_are_asked_of_a_server_that_knows_them() -> None:
    queries = traffic_queries([_workload("a", "opentelemetry")], 60, native=True)
    rates = 'rate(http_server_request_duration_seconds{namespace=~"shop"}[60s])'
    owner = '"owner", "$1", "pod", "(.+)-[a-z0-9]+-[a-z0-9]+"'
    once = "avg without (prometheus_replica, replica, receive_replica)"
    found = [query for query in queries if f"histogram_count({rates})" in query.text]
    assert found[0].text == (
        f"sum by (namespace, owner) (label_replace({once} (histogram_count({rates})), {owner}))"
    )
    (latency,) = (q for q in queries if q.measure == "latency" and "bucket" not in q.metric)
    # Servers whose label_replace drops native histograms answer to the second part alone.
    assert latency.text == (
        f"histogram_quantile(0.9, sum by (namespace, owner) (label_replace({rates}, {owner}))) or"
        " max by (namespace, owner) (label_replace("
        f"histogram_quantile(0.9, sum by (namespace, pod) ({rates})), {owner}))"
    )
    assert latency.scale == 1000.0


def test_each_percentile_is_asked_once_for_the_workloads_that_have_it() -> None:
    workloads = [
        _workload("a", "istio", share=0.9),
        _workload("b", "istio", share=0.99),
        _workload("c", "istio", share=0.9),
    ]
    latencies = [q for q in traffic_queries(workloads, 60) if q.measure == "latency"]
    assert [query.keys for query in latencies] == [("shop/a", "shop/c"), ("shop/b",)]
    assert [query.text[:22] for query in latencies] == [
        "histogram_quantile(0.9",
        "histogram_quantile(0.9",
    ]
    assert latencies[1].text.startswith("histogram_quantile(0.99, ")


def test_a_dot_in_a_name_is_no_wildcard() -> None:
    workload = replace(_workload("cart.v2", "istio"))
    assert 'destination_workload=~"cart[.]v2"' in traffic_queries([workload], 60)[0].text


def test_resets_are_counted_over_the_span() -> None:
    queries = {one.measure: one for one in check_queries([_workload("a", "istio")], 60, 300)}
    chosen = 'container_cpu_usage_seconds_total{namespace=~"shop",container=~"app"}'
    assert f"(resets({chosen}[300s]))" in queries["counter_resets"].text


@pytest.mark.parametrize(
    ("query", "scale"),
    [
        ("histogram_quantile(.9, sum by (le) (rate(http_duration_seconds_bucket[1m])))", 1000.0),
        ("1000 * histogram_quantile(.9, rate(http_duration_seconds_bucket[1m]))", 1.0),
        ("histogram_quantile(.9, rate(http_duration_seconds_bucket[1m])) * 1e3", 1.0),
        ("histogram_quantile(.9, rate(http_duration_milliseconds_bucket[1m]))", 1.0),
        ("my_latency_ms", 1.0),
        ("my_latency", 1.0),
    ],
)
def test_the_unit_of_a_users_latency_is_guessed_from_its_names(query: str, scale: float) -> None:
    assert milliseconds_of(query) == scale
