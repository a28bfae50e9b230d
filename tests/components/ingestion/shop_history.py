"""Half an hour of a small shop in a Prometheus, with every figure known."""

from __future__ import annotations

from pathlib import Path

from tests.prometheus_server import openmetrics

START_S = 1_767_225_600  # 2026-01-01T00:00:00Z
STEPS = 120
START = "2026-01-01T00:05:00Z"
END = "2026-01-01T00:29:45Z"

WORKLOADS = """\
workloads:
  - &checkout
    namespace: shop
    name: checkout
    kind: Deployment
    container: app
    slo: {latency_percentile: 0.95, latency_ms: 200}
    bounds: &bounds
      replicas: {min: 1, max: 6}
      cpu: {min: 50m, max: 600m}
      memory: {min: 40Mi, max: 384Mi}
    metrics: {source: ingress-nginx}
  - namespace: shop
    name: checkout-web
    kind: StatefulSet
    container: app
    slo: {latency_percentile: 0.9, latency_ms: 200}
    bounds: *bounds
    metrics:
      source: promql
      request_rate: sum(rate(web_requests_total[1m]))
      latency: web_latency_seconds
"""

Points = list[tuple[float, float]]


def _points(slope_per_s: float = 0.0, first: float = 0.0, begin: int = 0) -> Points:
    return [
        (float(START_S + 15 * step), first + slope_per_s * 15 * (step - begin))
        for step in range(begin, STEPS)
    ]


def _restarting(at_step: int) -> Points:
    return [(float(START_S + 15 * step), float(step >= at_step)) for step in range(STEPS)]


def shop_history() -> str:
    """Two pods of checkout at 150 m each, one of checkout-web at 40 m, others beside them.

    checkout: 6 requests/s, a tenth of them 5xx; 50, 40 and 10 % of them within 50, 100 and 200 ms;
    one pod was OOM-killed at step 80. checkout-web's counter of CPU was reset at step 60.
    """
    app, other = 'namespace="shop",container="app"', 'namespace="bank",container="app"'
    pods = {
        f'{app},pod="checkout-5d8f9-x2k4z"': 0.15,
        f'{app},pod="checkout-5d8f9-p7q9r"': 0.15,
        f'{app},pod="checkout-web-0"': 0.04,
        f'{other},pod="checkout-5d8f9-x2k4z"': 0.5,
        'namespace="shop",container="proxy",pod="checkout-5d8f9-x2k4z"': 0.3,
    }
    usage = {labels: _points(cores) for labels, cores in pods.items()}
    web = f'{app},pod="checkout-web-0"'
    usage[web] = [
        (time_s, value if index < 60 else value - 0.04 * 15 * 59)
        for index, (time_s, value) in enumerate(usage[web])
    ]
    first, second = f'{app},pod="checkout-5d8f9-x2k4z"', f'{app},pod="checkout-5d8f9-p7q9r"'
    ingress = 'namespace="ingress",exported_namespace="shop",ingress="checkout"'
    histogram = "nginx_ingress_controller_request_duration_seconds_bucket"
    deployment = 'namespace="shop",deployment="checkout"'
    return openmetrics(
        {
            "container_cpu_usage_seconds_total": usage,
            "container_cpu_cfs_periods_total": {
                first: _points(10.0),
                second: _points(10.0),
            },
            "container_cpu_cfs_throttled_periods_total": {
                first: _points(4.0),
                second: _points(1.0),
            },
            "container_memory_working_set_bytes": {
                first: _points(0.0, 50e6),
                second: _points(0.0, 70e6),
                web: _points(0.0, 9e6),
            },
            "kube_deployment_spec_replicas": {deployment: _points(0.0, 3.0)},
            "kube_deployment_status_replicas_ready": {deployment: _points(0.0, 2.0)},
            "kube_statefulset_status_replicas_ready": {
                'namespace="shop",statefulset="checkout-web"': _points(0.0, 1.0)
            },
            "kube_pod_container_resource_requests": {
                f'{labels},resource="{resource}"': _points(0.0, value)
                for labels in (first, second)
                for resource, value in (("cpu", 0.2), ("memory", 1e8))
            },
            "kube_pod_container_resource_limits": {
                f'{web},resource="{resource}"': _points(0.0, value)
                for resource, value in (("cpu", 0.1), ("memory", 2e7))
            },
            "kube_pod_container_status_restarts_total": {
                first: _restarting(80),
                second: _points(0.0, 3.0),
            },
            "kube_pod_container_status_last_terminated_reason": {
                f'{first},reason="OOMKilled"': _restarting(80)[80:],
            },
            "nginx_ingress_controller_requests": {
                f'{ingress},status="200"': _points(5.4),
                f'{ingress},status="503"': _points(0.6),
                'namespace="bank",ingress="checkout",status="200"': _points(99.0),
            },
            histogram: {
                f'{ingress},le="0.05"': _points(3.0),
                f'{ingress},le="0.1"': _points(5.4),
                f'{ingress},le="0.2"': _points(6.0),
                f'{ingress},le="+Inf"': _points(6.0),
            },
            "web_requests_total": {'instance="web"': _points(2.0)},
            "web_latency_seconds": {'instance="web"': _points(0.0, 0.025)},
        }
    )


def write_workloads(folder: Path) -> Path:
    """Write the shop's workloads file into the folder and return its path."""
    path = folder / "workloads.yaml"
    path.write_text(WORKLOADS, encoding="utf-8")
    return path
