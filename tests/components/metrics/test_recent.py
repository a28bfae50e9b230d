"""The latest telemetry of all workloads, from a real Prometheus with known history."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from components.metrics.grid import Grid
from components.metrics.prometheus import PrometheusClient
from components.metrics.recent import PrometheusTelemetry
from components.metrics.series import Series
from components.workload.spec import load_workloads
from tests.components.ingestion.shop_history import START_S, shop_history, write_workloads
from tests.prometheus_server import running_prometheus

NOW_MS = (START_S + 600) * 1000


class _Counting:
    def __init__(self, client: PrometheusClient) -> None:
        self.client = client
        self.asked: list[str] = []

    def over(self, query: str, page: Grid) -> list[Series]:
        self.asked.append(query)
        return self.client.over(query, page)

    def at(self, query: str, time_ms: int) -> list[Series]:
        return self.client.at(query, time_ms)


def test_all_workloads_come_from_one_query_a_measure(tmp_path: Path) -> None:
    checkout, web = load_workloads(write_workloads(tmp_path))
    absent = replace(checkout, name="nowhere", metrics=replace(checkout.metrics, ingress="nowhere"))
    with running_prometheus(tmp_path / "server", shop_history()) as url:
        client = PrometheusClient(url, 30.0)
        counting = _Counting(client)
        answer = PrometheusTelemetry(counting, 4).recent((checkout, web, absent), NOW_MS + 14_999)
        client.close()
    frame = answer[checkout.key]
    assert not isinstance(frame, str)
    assert len(frame) == 4
    assert frame["time"].iloc[-1].timestamp() * 1000 == NOW_MS
    assert frame["request_rate_per_s"].to_list() == pytest.approx([6.0] * 4)
    assert not isinstance(answer[web.key], str)
    assert answer[absent.key] == (
        "no request_rate_per_s in the last steps (nginx_ingress_controller_requests is absent)"
    )
    assert len(counting.asked) == len(set(counting.asked))


def test_without_workloads_nothing_is_asked() -> None:
    client = _Counting(PrometheusClient("http://127.0.0.1:1", 1.0))
    assert PrometheusTelemetry(client, 4).recent((), NOW_MS) == {}
    assert client.asked == []


def test_a_window_beyond_one_page_is_refused() -> None:
    with pytest.raises(ValueError, match="give 1 to 5760"):
        PrometheusTelemetry(_Counting(PrometheusClient("http://127.0.0.1:1", 1.0)), 5761)
