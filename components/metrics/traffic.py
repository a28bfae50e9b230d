"""PromQL for requests, errors and latency of all workloads, one query a measure and a source.

Two replicas of Prometheus show every series twice, so rates are averaged over their labels before
they are summed (a quantile is the same of all counts twice). A histogram's count stands in for a
`+Inf` bucket that was dropped, without which Prometheus knows no quantile.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence

from components.metrics.meters import Meter, meters_of
from components.metrics.queries import REPLICA_LABELS, Query
from components.workload.spec import Workload

MEDIAN = 0.5


def traffic_queries(
    workloads: Sequence[Workload], window_s: int, native: bool = False
) -> list[Query]:
    """Return the queries for request rate, error rate and latency of all workloads.

    `native`: the server knows native histograms, so OpenTelemetry's are asked for as well.
    """
    queries: list[Query] = []
    for (source, _), members in sorted(_groups(workloads).items()):
        if source == "promql":
            for workload in members:
                queries += _own_queries(workload)
            continue
        for meter in meters_of(source, members):
            if native or not meter.native:
                queries += _metered(meter, members, window_s)
    return queries


def bucket_queries(workloads: Sequence[Workload], window_s: int) -> list[Query]:
    """Return instant queries of which buckets each workload's histogram has, one a source."""
    queries: list[Query] = []
    for (source, _), members in sorted(_groups(workloads).items()):
        for meter in meters_of(source, members):
            if not meter.native:
                series = f"rate({meter.histogram}{{{meter.chosen}}}[{window_s}s])"
                text = f"count by ({meter.labels}, le) ({_owned(meter, series)})"
                queries.append(_query(meter, members, "buckets", meter.histogram, text, "series"))
    return queries


def _groups(workloads: Sequence[Workload]) -> dict[tuple[str, str], list[Workload]]:
    groups: defaultdict[tuple[str, str], list[Workload]] = defaultdict(list)
    for workload in workloads:
        groups[(workload.metrics.source, workload.kind)].append(workload)
    return groups


def _metered(meter: Meter, members: Sequence[Workload], window_s: int) -> list[Query]:
    percentiles: defaultdict[float, list[Workload]] = defaultdict(list)
    for workload in members:
        percentiles[workload.slo.latency_percentile].append(workload)
    requests = _summed(meter, meter.requests, "", window_s)
    errors = _summed(meter, meter.errors, f",{meter.error_matcher}", window_s)

    def latency(measure: str, share: float, of: Sequence[Workload]) -> Query:
        text = f"histogram_quantile({share!r}, {_histogram(meter, window_s)})"
        if meter.native:
            text += f" or {_slowest_pod(meter, share, window_s)}"
        return _query(meter, of, measure, meter.histogram, text, "ms")

    return [
        _query(meter, members, "request_rate", meter.requests, requests, "requests/s"),
        _query(meter, members, "error_rate", meter.errors, errors, "requests/s"),
        latency("latency_p50", MEDIAN, members),
        *(latency("latency", share, of) for share, of in sorted(percentiles.items())),
    ]


def _query(
    meter: Meter, of: Sequence[Workload], measure: str, metric: str, text: str, unit: str
) -> Query:
    return Query(
        measure,
        metric,
        text,
        tuple(workload.key for workload in of),
        by="name",
        namespace_labels=meter.namespace_labels,
        name_label=meter.name_label,
        scale=meter.milliseconds if unit == "ms" else 1.0,
        unit=unit,
    )


def _summed(meter: Meter, metric: str, matcher: str, window_s: int) -> str:
    rates = f"rate({metric}{{{meter.chosen}{matcher}}}[{window_s}s])"
    if meter.native:
        rates = f"histogram_count({rates})"
    once = f"avg without ({', '.join(REPLICA_LABELS)}) ({rates})"
    return f"sum by ({meter.labels}) ({_owned(meter, once)})"


def _histogram(meter: Meter, window_s: int) -> str:
    """Return the rates of a meter's buckets by workload, or those of its native histogram."""
    rates = _owned(meter, f"rate({meter.histogram}{{{meter.chosen}}}[{window_s}s])")
    if meter.native:
        return f"sum by ({meter.labels}) ({rates})"
    count = meter.histogram.removesuffix("_bucket") + "_count"
    counts = _owned(meter, f"rate({count}{{{meter.chosen}}}[{window_s}s])")
    return (
        f"sum by ({meter.labels}, le) ({rates}) or"
        f' label_replace(sum by ({meter.labels}) ({counts}), "le", "+Inf", "", "")'
    )


def _slowest_pod(meter: Meter, share: float, window_s: int) -> str:
    """Return the percentile of the slowest pod, for older servers (seen with Prometheus 2.42).

    Their label_replace drops native histograms, so pods' can't be put together by workload.
    """
    rates = f"rate({meter.histogram}{{{meter.chosen}}}[{window_s}s])"
    by_pod = f"histogram_quantile({share!r}, sum by (namespace, pod) ({rates}))"
    return f"max by ({meter.labels}) ({_owned(meter, by_pod)})"


def _owned(meter: Meter, rates: str) -> str:
    """Return the series with the workload's name as a label, cut out of the pod's where it must."""
    if not meter.owner_pattern:
        return rates
    return f'label_replace({rates}, "{meter.name_label}", "$1", "pod", "{meter.owner_pattern}")'


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
