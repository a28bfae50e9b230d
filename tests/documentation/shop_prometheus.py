"""A day of a shop's checkout up to now, as the Prometheus of a cluster would hold them."""

from __future__ import annotations

import numpy as np

from tests.prometheus_server import openmetrics

STEP_S = 15
STEPS = 5760
CPU_S_PER_REQUEST = 0.012
PODS = ("checkout-5d8f9-x2k4z", "checkout-5d8f9-p7q9r")
BUCKETS = ((0.05, 0.55), (0.1, 0.9), (0.15, 0.97), (0.25, 0.995))
Points = list[tuple[float, float]]


def shop_until(now_s: int) -> str:
    """Return OpenMetrics text: two pods behind an ingress-nginx, 5 to 35 requests/s in waves."""
    times = now_s - now_s % STEP_S - STEP_S * np.arange(STEPS)[::-1]
    hours = np.arange(STEPS) * STEP_S / 3600
    wave = np.random.default_rng(0).normal(0.0, 1.5, STEPS)
    rate = 20 + 12 * np.sin(2 * np.pi * hours) + wave

    def constant(value: float) -> Points:
        return [(float(time), value) for time in times]

    def counted(per_s: np.ndarray) -> Points:
        return [
            (float(time), float(total))
            for time, total in zip(times, np.cumsum(per_s * STEP_S), strict=True)
        ]

    def gauge(values: np.ndarray) -> Points:
        return [(float(time), float(value)) for time, value in zip(times, values, strict=True)]

    pods = [f'namespace="shop",container="app",pod="{pod}"' for pod in PODS]
    ingress = 'namespace="ingress",exported_namespace="shop",ingress="checkout"'
    deployment = 'namespace="shop",deployment="checkout"'
    seconds = "nginx_ingress_controller_request_duration_seconds_bucket"
    each = rate / len(PODS)
    return openmetrics(
        {
            "container_cpu_usage_seconds_total": {
                pod: counted(each * CPU_S_PER_REQUEST) for pod in pods
            },
            "container_cpu_cfs_periods_total": {pod: counted(np.full(STEPS, 10.0)) for pod in pods},
            "container_cpu_cfs_throttled_periods_total": {
                pod: counted(np.clip(each - 14, 0, None) * 0.3) for pod in pods
            },
            "container_memory_working_set_bytes": {pod: gauge(70e6 + 0.8e6 * each) for pod in pods},
            "kube_deployment_spec_replicas": {deployment: constant(2.0)},
            "kube_deployment_status_replicas_ready": {deployment: constant(2.0)},
            "kube_pod_container_resource_requests": {
                f'{pod},resource="{resource}"': constant(value)
                for pod in pods
                for resource, value in (("cpu", 0.3), ("memory", 160e6))
            },
            "kube_pod_container_status_restarts_total": {pod: constant(0.0) for pod in pods},
            "nginx_ingress_controller_requests": {
                f'{ingress},status="200"': counted(rate),
                f'{ingress},status="503"': counted(np.zeros(STEPS)),
            },
            seconds: {
                f'{ingress},le="{le}"': counted(rate * share)
                for le, share in (*BUCKETS, ("+Inf", 1.0))
            },
        }
    )
