"""PromQL: one query a measure for all workloads; the text only, nothing is sent here.

A measure that a container has is asked by (namespace, pod, container); what a Deployment has, by
its name; traffic by whatever its source calls the workload. Two choices are on purpose:
- `max by` over a container's series, since cAdvisor shows a restarted container twice for a
  while and two replicas of Prometheus show everything twice; a sum would count both.
- a gauge must have a sample within the window: without a staleness marker (cAdvisor stamps its own
  times; a Prometheus that was killed wrote none) the last value would be shown for five minutes.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from components.workload.spec import Workload

WINDOW_S = 60
CONTAINER = ("namespace", "pod", "container")
# What tells two replicas of Prometheus apart that scrape the same (Prometheus operator, Thanos).
REPLICA_LABELS = ("prometheus_replica", "replica", "receive_replica")


@dataclass(frozen=True, slots=True)
class Query:
    """One range query and how its series are told apart.

    `by` is "pod" or "name"; for "name" the series whose `namespace_labels` (the first that is
    there) and `name_label` fit a workload are its own; no name_label at all means the one
    workload of `keys`. A pod's row is named by it, or by its `row_label`. `scale` turns the series'
    unit into the measure's, which is `unit`.
    """

    measure: str
    metric: str
    text: str
    keys: tuple[str, ...]
    by: str = "pod"
    namespace_labels: tuple[str, ...] = ("namespace",)
    name_label: str = ""
    scale: float = 1.0
    unit: str = ""
    row_label: str = ""

    @property
    def told_unit(self) -> str:
        """Return the unit as the quality report states it."""
        if self.scale == 1000.0 and self.unit == "ms":
            return "ms (from seconds)"
        return f"{self.unit} (assumed)" if self.by == "name" and not self.name_label else self.unit


def container_queries(workloads: Sequence[Workload], window_s: int) -> list[Query]:
    """Return the queries for what the kubelet and kube-state-metrics say of each container."""
    chosen = selector(
        namespace=(workload.namespace for workload in workloads),
        container=(workload.container for workload in workloads),
    )
    keys = tuple(workload.key for workload in workloads)

    def rate(measure: str, metric: str, scale: float, unit: str) -> Query:
        text = f"{_most()}(rate({metric}{{{chosen}}}[{window_s}s]))"
        return Query(measure, metric, text, keys, scale=scale, unit=unit)

    def gauge(measure: str, metric: str, label: str, scale: float, unit: str) -> Query:
        text = f"{_most()}({fresh(f'{metric}{{{chosen}{label}}}', window_s)})"
        return Query(measure, metric, text, keys, scale=scale, unit=unit)

    requests, limits = "kube_pod_container_resource_requests", "kube_pod_container_resource_limits"
    cpu, memory = ',resource="cpu"', ',resource="memory"'
    reason = ',reason="OOMKilled"'
    terminated = "kube_pod_container_status_last_terminated_reason"
    return [
        rate("cpu_usage", "container_cpu_usage_seconds_total", 1000.0, "millicores"),
        rate("throttled_periods", "container_cpu_cfs_throttled_periods_total", 1.0, "periods/s"),
        rate("cfs_periods", "container_cpu_cfs_periods_total", 1.0, "periods/s"),
        gauge("working_set", "container_memory_working_set_bytes", "", 1.0, "bytes"),
        gauge("cpu_request", requests, cpu, 1000.0, "millicores"),
        gauge("memory_request", requests, memory, 1.0, "bytes"),
        gauge("cpu_limit", limits, cpu, 1000.0, "millicores"),
        gauge("memory_limit", limits, memory, 1.0, "bytes"),
        gauge("restarts_total", "kube_pod_container_status_restarts_total", "", 1.0, "restarts"),
        gauge("oom_terminated", terminated, reason, 1.0, "flag"),
        gauge("oom_events_total", "container_oom_events_total", "", 1.0, "kills"),
    ]


def image_query(workloads: Sequence[Workload], window_s: int) -> Query:
    """Return the query for the images that run; one that is still being pulled has no id yet."""
    chosen = selector(
        namespace=(workload.namespace for workload in workloads),
        container=(workload.container for workload in workloads),
    )
    metric = "kube_pod_container_info"
    series = fresh(f'{metric}{{{chosen},image_id!=""}}', window_s)
    text = f"max by ({', '.join(CONTAINER)}, image_id) ({series})"
    keys = tuple(workload.key for workload in workloads)
    return Query("images", metric, text, keys, row_label="image_id", unit="flag")


def size_query(workloads: Sequence[Workload]) -> Query:
    """Return the instant query that counts the workloads' containers, as many as answers hold."""
    chosen = selector(
        namespace=(workload.namespace for workload in workloads),
        container=(workload.container for workload in workloads),
    )
    metric = "container_cpu_usage_seconds_total"
    keys = tuple(workload.key for workload in workloads)
    return Query("size", metric, f"count({metric}{{{chosen}}})", keys, unit="series")


def replica_queries(workloads: Sequence[Workload], window_s: int = WINDOW_S) -> list[Query]:
    """Return the queries for wanted and ready replicas, by kind of controller."""
    metrics = {
        "Deployment": (
            "deployment",
            "kube_deployment_spec_replicas",
            "kube_deployment_status_replicas_ready",
        ),
        "StatefulSet": (
            "statefulset",
            "kube_statefulset_replicas",
            "kube_statefulset_status_replicas_ready",
        ),
    }
    queries = []
    for kind, (label, wanted, ready) in metrics.items():
        of_kind = [workload for workload in workloads if workload.kind == kind]
        if not of_kind:
            continue
        chosen = selector(
            namespace=(workload.namespace for workload in of_kind),
            **{label: (workload.name for workload in of_kind)},
        )
        keys = tuple(workload.key for workload in of_kind)
        queries += [
            Query(
                measure,
                metric,
                f"max by (namespace, {label}) ({fresh(f'{metric}{{{chosen}}}', window_s)})",
                keys,
                by="name",
                name_label=label,
                unit="pods",
            )
            for measure, metric in (("replicas_wanted", wanted), ("replicas_ready", ready))
        ]
    return queries


def fresh(series: str, window_s: int) -> str:
    """Return the gauge's text without values older than the window."""
    return f"{series} and last_over_time({series}[{window_s}s])"


def selector(**labels: Iterable[str]) -> str:
    """Return label matchers, each for any of the given values, sorted so that text is stable."""
    return ",".join(f'{label}=~"{_any_of(values)}"' for label, values in labels.items())


def _any_of(values: Iterable[str]) -> str:
    # Names hold letters, digits, '-' and '.': only the dot means something in a pattern.
    return "|".join(sorted({value.replace(".", "[.]") for value in values}))


def _most() -> str:
    return f"max by ({', '.join(CONTAINER)}) "
