"""What a stretch of time is looked at for, once at its end: faults that values don't show.

| measure        | what the instant query says of each workload                           |
|----------------|------------------------------------------------------------------------|
| counter_resets | how often counters of CPU were reset                                   |
| copies         | how often each series is there (two replicas of Prometheus: twice)     |
| sample_age     | seconds since memory was sampled, of containers that live              |
| buckets        | how many series each bucket of the latency histogram has               |
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from components.metrics.met import Met
from components.metrics.queries import CONTAINER, REPLICA_LABELS, Query, selector
from components.metrics.series import Measurements, Series
from components.metrics.traffic import bucket_queries
from components.workload.spec import Workload


def check_queries(workloads: Sequence[Workload], window_s: int, span_s: int) -> list[Query]:
    """Return the instant queries that look at the `span_s` before their time."""
    keys = tuple(workload.key for workload in workloads)
    chosen = selector(
        namespace=(workload.namespace for workload in workloads),
        container=(workload.container for workload in workloads),
    )
    usage = f"container_cpu_usage_seconds_total{{{chosen}}}"
    memory = f"container_memory_working_set_bytes{{{chosen}}}"
    restarts = f"kube_pod_container_status_restarts_total{{{chosen}}}"
    by = ", ".join(CONTAINER)
    replicas = ", ".join(REPLICA_LABELS)
    texts = {
        "counter_resets": (f"max by ({by}) (resets({usage}[{span_s}s]))", "resets"),
        "copies": (
            f"count by ({by}) ({usage}) / count by ({by}) (count without ({replicas}) ({usage}))",
            "series",
        ),
        "sample_age": (
            f"time() - max by ({by}) (timestamp({memory})) and on ({by}) {restarts}",
            "s",
        ),
    }
    return [
        *(
            Query(measure, measure, text, keys, unit=unit)
            for measure, (text, unit) in texts.items()
        ),
        *bucket_queries(workloads, window_s),
    ]


def checked(
    measurements: Measurements, answers: Iterable[tuple[Query, Sequence[Series]]]
) -> dict[str, Met]:
    """Return what the answers to check_queries say, by workload key."""
    values: defaultdict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    buckets: defaultdict[str, dict[float, float]] = defaultdict(dict)
    for query, series in answers:
        for one in series:
            for key, _ in measurements.owners(query, one.labels):
                if query.measure != "buckets":
                    values[key][query.measure].append(float(one.values[-1]))
                elif (bound := _bound_ms(one.labels, query.scale)) is not None:
                    buckets[key][bound] = float(one.values[-1])
    found = {key: _met(of_key) for key, of_key in values.items()}
    for key, counts in buckets.items():
        found[key] = _with_buckets(found.get(key, Met()), counts)
    return found


def _met(values: Mapping[str, list[float]]) -> Met:
    return Met(
        counter_resets=round(sum(values.get("counter_resets", ()))),
        copies=max(values.get("copies", ()), default=1.0),
        sample_age_s=max(values.get("sample_age", ()), default=0.0),
    )


def _with_buckets(met: Met, counts: Mapping[float, float]) -> Met:
    """Return what is met with the buckets: series by upper bound in ms."""
    finite = {bound: count for bound, count in counts.items() if np.isfinite(bound)}
    return replace(
        met,
        bucket_bounds_ms=frozenset(finite),
        lacks_infinity=len(finite) == len(counts),
        uneven_buckets=len(set(counts.values())) > 1,
    )


def _bound_ms(labels: Mapping[str, str], milliseconds: float) -> float | None:
    try:
        return float(labels["le"]) * milliseconds
    except (KeyError, ValueError):
        return None
