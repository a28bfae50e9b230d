"""Half an hour of workloads behind Istio, healthy unless a test spoils the one it is about."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from pathlib import Path

from components.workload.spec import Bounds, MetricSource, Slo, Workload, dump_workloads
from tests.prometheus_server import openmetrics

START_S = 1_767_225_600  # 2026-01-01T00:00:00Z
STEPS = 120
# The dataset's step 0 is the history's step 20.
START, END = "2026-01-01T00:05:00Z", "2026-01-01T00:29:45Z"
SKIPPED = 20

Points = list[tuple[float, float]]
Series = dict[tuple[str, str], Points]


def points(slope_per_s: float = 0.0, first: float = 0.0) -> Points:
    """Samples 5 s before each step, that rise by the slope."""
    return [
        (float(START_S + 15 * step - 5), first + slope_per_s * 15 * step) for step in range(STEPS)
    ]


def workload_of(name: str, latency_ms: float = 100.0) -> Workload:
    """A Deployment of the namespace `fleet`; its SLO is about the 90th percentile."""
    return Workload(
        "fleet",
        name,
        "Deployment",
        "app",
        Slo(0.9, latency_ms),
        Bounds(1, 6, 50, 600, 2**25, 2**28),
        MetricSource("istio"),
    )


def traffic_labels(name: str) -> str:
    """What Istio calls the workload."""
    return ",".join(
        (
            'reporter="destination"',
            'destination_workload_namespace="fleet"',
            f'destination_workload="{name}"',
        )
    )


def pod_labels(name: str, pod: str = "5d8f9-x2k4z") -> str:
    """What cAdvisor and kube-state-metrics call a container of it."""
    return f'namespace="fleet",container="app",pod="{name}-{pod}"'


def healthy(name: str) -> Series:
    """One pod: 100 millicores, 50 MB; 4 requests/s, half within 50 ms, all within 100 ms."""
    pod, traffic = pod_labels(name), traffic_labels(name)
    duration = "istio_request_duration_milliseconds"
    series = {
        ("container_cpu_usage_seconds_total", pod): points(0.1),
        ("container_memory_working_set_bytes", pod): points(0.0, 50e6),
        ("kube_deployment_status_replicas_ready", f'namespace="fleet",deployment="{name}"'): points(
            0.0, 1.0
        ),
        ("kube_pod_container_status_restarts_total", pod): points(),
        ("kube_pod_container_resource_requests", f'{pod},resource="cpu"'): points(0.0, 0.2),
        ("kube_pod_container_resource_requests", f'{pod},resource="memory"'): points(0.0, 1e8),
        ("istio_requests_total", f'{traffic},response_code="200"'): points(4.0),
        (f"{duration}_count", traffic): points(4.0),
    }
    for bound, rate in (("50", 2.0), ("100", 4.0), ("+Inf", 4.0)):
        series[f"{duration}_bucket", f'{traffic},le="{bound}"'] = points(rate)
    return series


def changed(series: Series, change: Callable[[Points], Points], only: Iterable[str] = ()) -> Series:
    """The series with the points of some metrics (all without `only`) changed."""
    wanted = tuple(only)
    return {
        (metric, labels): change(found) if not wanted or metric in wanted else found
        for (metric, labels), found in series.items()
    }


def text_of(*fleet: Series) -> str:
    """The OpenMetrics text of all series."""
    by_metric: defaultdict[str, dict[str, Points]] = defaultdict(dict)
    for series in fleet:
        for (metric, labels), found in series.items():
            by_metric[metric][labels] = found
    return openmetrics(by_metric)


def write_specs(path: Path, workloads: Iterable[Workload]) -> Path:
    """Write the workloads file."""
    path.write_text(dump_workloads([*workloads]), encoding="utf-8")
    return path
