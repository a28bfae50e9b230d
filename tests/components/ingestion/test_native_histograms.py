"""OpenTelemetry's histograms as native ones, in a real server that knows them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from components.ingestion.config import IngestionConfig
from components.ingestion.stage import run
from components.progress import Progress
from components.workload.spec import MetricSource
from components.workload.telemetry import read_telemetry
from tests.components.ingestion.fleet_history import (
    END,
    START,
    START_S,
    STEPS,
    healthy,
    workload_of,
    write_specs,
)
from tests.prometheus_server import running_prometheus
from tests.remote_write import NativeHistogram, Value, remote_write

METRIC = "http_server_request_duration_seconds"
# 62.5 to 125 ms.
INDEX = -3


def _labels(metric: str, text: str) -> dict[str, str]:
    pairs = (pair.split("=", 1) for pair in text.split(","))
    return {"__name__": metric, **{name: value.strip('"') for name, value in pairs}}


def _of_status(status: str, per_s: int) -> tuple[dict[str, str], list[tuple[int, Value]]]:
    labels = {
        "__name__": METRIC,
        "namespace": "fleet",
        "pod": "native-5d8f9-x2k4z",
        "http_response_status_code": status,
    }
    values = [
        (1000 * (START_S + 15 * step - 5), NativeHistogram(1 + per_s * 15 * step, INDEX))
        for step in range(STEPS)
    ]
    return labels, [*values]


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    options = ("--web.enable-remote-write-receiver", "--enable-feature=native-histograms")
    folder = tmp_path_factory.mktemp("native")
    with running_prometheus(folder / "prometheus", "", *options) as url:
        floats = [
            (_labels(metric, text), [(round(1000 * time), value) for time, value in points])
            for (metric, text), points in healthy("native").items()
            if not metric.startswith("istio")
        ]
        remote_write(url, [*floats, _of_status("200", 3), _of_status("500", 1)])
        yield url


def test_rate_errors_and_percentiles_come_from_a_native_histogram(url: str, tmp_path: Path) -> None:
    workload = replace(workload_of("native"), metrics=MetricSource("opentelemetry"))
    specs = write_specs(tmp_path / "workloads.yaml", [workload])
    config = IngestionConfig(prometheus_url=url, workloads=str(specs), start=START, end=END)
    run(config, tmp_path / "dataset", Progress("ingestion"))
    frame = read_telemetry(tmp_path / "dataset" / "fleet" / "native.parquet")
    np.testing.assert_allclose(frame["request_rate_per_s"], 4.0, rtol=1e-9)
    np.testing.assert_allclose(frame["error_ratio"], 0.25, rtol=1e-9)
    # Within the bucket it is interpolated linearly, or exponentially by newer servers.
    assert frame["latency_ms"].between(62.5 * 2**0.9 - 1, 62.5 * 1.9 + 1).all()
    assert frame["latency_p50_ms"].between(62.5 * 2**0.5 - 1, 62.5 * 1.5 + 1).all()
    report = json.loads((tmp_path / "dataset" / "quality.json").read_text())
    assert report["workloads"]["fleet/native"]["latency_unit"] == "ms (from seconds)"
