"""Prometheus' answers as telemetry, from a client that has its series in memory."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from components.cluster import sample as smp
from components.metrics.grid import Grid
from components.metrics.series import Series
from components.recommender.telemetry_prometheus import PrometheusSource
from components.workload.spec import Bounds, MetricSource, Slo, Workload


@dataclass
class Answers:
    asked: list[str] = field(default_factory=list)

    def over(self, query: str, page: Grid) -> list[Series]:
        self.asked.append(query)
        pod = {"namespace": "shop", "pod": "checkout-5d4f8c7b9-abcde", "container": "app"}
        if "container_cpu_usage_seconds_total" in query:
            return [Series(pod, page.times_ms, np.full(page.steps, 0.25))]
        return []

    def at(self, query: str, time_ms: int) -> list[Series]:
        raise AssertionError(f"{query} at {time_ms}: nothing is asked at one time")


def workload(name: str) -> Workload:
    return Workload(
        "shop",
        name,
        "Deployment",
        "app",
        Slo(0.95, 100.0),
        Bounds(1, 6, 50, 1000, 1, 2),
        MetricSource("promql"),
    )


def test_a_workload_without_a_source_of_traffic_has_its_cpu_in_millicores() -> None:
    client = Answers()

    recent = PrometheusSource(client).recent(
        [workload("checkout"), workload("silent")], 1_700_000_100.0
    )

    assert recent.values[0, :, smp.CPU_USAGE_M].tolist() == [250.0] * 20
    assert np.isnan(recent.values[0, :, smp.REQUEST_RATE_PER_S]).all()
    assert np.isnan(recent.values[1]).all()
    assert recent.end_s.tolist() == [1_700_000_100.0, -np.inf]


def test_many_workloads_are_asked_for_with_as_many_queries_as_one() -> None:
    one, many = Answers(), Answers()

    PrometheusSource(one).recent([workload("checkout")], 1_700_000_100.0)
    PrometheusSource(many).recent([workload(f"w{i}") for i in range(50)], 1_700_000_100.0)

    assert len(one.asked) == len(many.asked)
    assert all(query for query in many.asked)
