"""All workloads put together at once are what each is when it is put together by itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pytest

from components.cluster.telemetry_samples import MEASURED_COLUMNS
from components.metrics.assemble import columns_of
from components.metrics.grid import Grid
from components.metrics.queries import container_queries, replica_queries
from components.metrics.series import Measurements, Series
from components.metrics.traffic import traffic_queries
from components.recommender.telemetry_prometheus import PrometheusSource
from components.workload.spec import Bounds, MetricSource, Slo, Workload

NOW_S = 1_700_000_100.0
SOURCES = ("istio", "linkerd", "ingress-nginx", "opentelemetry", "promql", "none")


def workload(number: int) -> Workload:
    source = SOURCES[number % len(SOURCES)]
    metrics = {
        "ingress-nginx": MetricSource(source, ingress=f"w{number}"),
        "promql": MetricSource(
            source,
            request_rate=f"rate_{number}",
            error_ratio=f"errors_{number}",
            latency=f"latency_{number}",
            latency_p50=f"median_{number}",
        ),
        "none": MetricSource("promql"),
    }.get(source, MetricSource(source))
    kind = ("Deployment", "StatefulSet")[number // 6 % 2]
    slo = Slo((0.95, 0.99)[number % 2], 100.0)
    return Workload("shop", f"w{number}", kind, "app", slo, Bounds(1, 6, 50, 1000, 1, 2), metrics)


@dataclass
class RandomAnswers:
    """Answers any query with series of the workloads' pods and names, full of faults."""

    workloads: Sequence[Workload]
    seed: int

    def over(self, query: str, page: Grid) -> list[Series]:
        # The same question has the same answer.
        rng = np.random.default_rng([self.seed, *query.encode()[:60], len(query)])
        found = []
        for labels in self._labels(query, rng):
            if rng.random() < 0.1:
                continue
            times_ms = page.times_ms + int(rng.integers(-3000, 3000))
            kept = rng.random(page.steps) > rng.choice([0.0, 0.3, 0.9])
            if rng.random() < 0.3:
                kept[: rng.integers(page.steps)] = False
            found.append(Series(labels, times_ms[kept], self._values(query, rng, page)[kept]))
        return found

    def at(self, query: str, time_ms: int) -> list[Series]:
        raise AssertionError(f"{query} at {time_ms}: nothing is asked at one time")

    def _values(self, query: str, rng: np.random.Generator, page: Grid) -> np.ndarray:
        if "restarts" in query or "oom" in query.lower():
            still = rng.random() < 0.6
            steps = rng.integers(0, 2, page.steps) * (0 if still else 1)
            counter = np.cumsum(steps).astype(np.float64) + rng.integers(0, 2)
            if rng.random() < 0.2:
                counter[page.steps // 2 :] = 0.0
            return np.minimum(counter, 1.0) if "OOMKilled" in query else counter
        values = rng.uniform(0.0, 50.0, page.steps)
        values[rng.random(page.steps) < 0.05] = rng.choice([np.inf, -1.0, np.nan, 0.0])
        return values

    def _labels(self, query: str, rng: np.random.Generator) -> list[dict[str, str]]:
        names = [item.name for item in self.workloads]
        if "namespace, pod, container" in query:
            pods = np.random.default_rng(self.seed).integers(0, 4, len(names))
            return [
                {"namespace": "shop", "container": container, "pod": pod}
                for item, count in zip(self.workloads, pods, strict=True)
                for pod in (
                    f"{item.name}-5d4f8c7b9-abc{at}"
                    if item.kind == "Deployment"
                    else f"{item.name}-{at}"
                    for at in range(count)
                )
                for container in ("app", "proxy")
            ]
        label = next(
            (
                name
                for name in (
                    "destination_workload",
                    "ingress",
                    "owner",
                    "deployment",
                    "statefulset",
                )
                if f"{name})" in query or f"{name}," in query
            ),
            "",
        )
        if not label:
            return [{}] if rng.random() < 0.8 else [{"a": "1"}, {"a": "2"}]
        space = {
            "destination_workload": "destination_workload_namespace",
            "ingress": "exported_namespace",
        }.get(label, "namespace")
        return [{space: "shop", label: name} for name in (*names, "another")]


def one_by_one(client: RandomAnswers, workloads: Sequence[Workload]) -> np.ndarray:
    grid = Grid(int(NOW_S * 1000) // 15_000 * 15_000 - 19 * 15_000, 20)
    metered = [
        item for item in workloads if item.metrics.source != "promql" or item.metrics.request_rate
    ]
    queries = [
        *container_queries(workloads, 60),
        *replica_queries(workloads),
        *traffic_queries(metered, 60),
    ]
    measurements = Measurements(workloads, grid)
    for query in queries:
        if query.measure not in ("cpu_limit", "memory_limit"):
            measurements.add(query, client.over(query.text, grid))
    values = np.full((len(workloads), 20, len(MEASURED_COLUMNS)), np.nan)
    for row, item in enumerate(workloads):
        if measured := measurements.of(item):
            columns = columns_of(measured, grid)
            for at, column in enumerate(MEASURED_COLUMNS):
                values[row, :, at] = columns[column]
    return values


@pytest.mark.parametrize("seed", range(12))
def test_whatever_a_prometheus_answers(seed: int) -> None:
    workloads = [workload(number) for number in range(18)]
    client = RandomAnswers(workloads, seed)
    expected = one_by_one(client, workloads)
    source = PrometheusSource(client)

    # The second time everything that is kept between two ticks is used.
    for _ in range(2):
        recent = source.recent(workloads, NOW_S)
        for at, column in enumerate(MEASURED_COLUMNS):
            np.testing.assert_allclose(
                recent.values[:, :, at], expected[:, :, at], rtol=1e-12, err_msg=column
            )
    known = np.isfinite(expected)
    assert known.any(axis=(0, 1)).all()
    assert not known.all(axis=(0, 1)).any()


def test_other_workloads_are_asked_for_anew() -> None:
    workloads = [workload(number) for number in range(18)]
    client = RandomAnswers(workloads, 3)
    source = PrometheusSource(client)
    source.recent(workloads, NOW_S)
    fewer = workloads[7:1:-1]
    recent = source.recent(fewer, NOW_S)
    np.testing.assert_allclose(recent.values, one_by_one(client, fewer), rtol=1e-12)
