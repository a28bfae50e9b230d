"""Ingestion from a real Prometheus with known history."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from components.errors import UserError
from components.ingestion.config import IngestionConfig
from components.ingestion.stage import run
from components.progress import Progress
from components.workload.spec import load_workloads
from components.workload.telemetry import read_telemetry
from tests.components.ingestion.shop_history import END, START, shop_history, write_workloads
from tests.prometheus_server import running_prometheus


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with running_prometheus(tmp_path_factory.mktemp("prometheus"), shop_history()) as url:
        yield url


def _config(url: str, folder: Path, start: str = START, end: str = END) -> IngestionConfig:
    workloads = write_workloads(folder)
    return IngestionConfig(prometheus_url=url, workloads=str(workloads), start=start, end=end)


@pytest.fixture(scope="module")
def dataset(prometheus: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("ingested")
    summary = run(_config(prometheus, folder), folder / "dataset", Progress("ingestion"))
    assert summary.usable == ("shop/checkout", "shop/checkout-web")
    assert summary.steps == 2 * 100
    return folder / "dataset"


def test_every_column_has_its_known_value_in_every_step(dataset: Path) -> None:
    frame = read_telemetry(dataset / "shop" / "checkout.parquet")
    known = {
        "request_rate_per_s": 6.0,
        "error_ratio": 0.1,
        # rank .95 of counts 50, 40, 10 %: half of the third bucket, 100 to 200 ms.
        "latency_ms": 150.0,
        "latency_p50_ms": 50.0,
        "cpu_usage_m": 300.0,
        "cpu_throttled_ratio": 0.25,
        "memory_working_set_bytes": 70e6,
        "replicas_wanted": 3.0,
        "replicas_ready": 2.0,
        "cpu_request_m": 200.0,
        "memory_request_bytes": 1e8,
    }
    for column, value in known.items():
        np.testing.assert_allclose(frame[column], value, rtol=1e-9, err_msg=column)
    assert frame[["cpu_limit_m", "memory_limit_bytes"]].isna().all(axis=None)


def test_a_kill_is_counted_in_its_step_and_nowhere_else(dataset: Path) -> None:
    frame = read_telemetry(dataset / "shop" / "checkout.parquet")
    # The history's step 80 is the dataset's 60: it begins five minutes later.
    assert list(np.flatnonzero(frame["oom_kills"])) == [60]
    assert list(np.flatnonzero(frame["restarts"])) == [60]
    assert frame["oom_kills"].sum() == 1.0


def test_the_users_own_queries_are_asked_and_their_seconds_become_milliseconds(
    dataset: Path,
) -> None:
    frame = read_telemetry(dataset / "shop" / "checkout-web.parquet")
    np.testing.assert_allclose(frame["request_rate_per_s"], 2.0)
    np.testing.assert_allclose(frame["latency_ms"], 25.0)
    np.testing.assert_allclose(frame["cpu_request_m"], 100.0)
    # rate() sees through the counter's reset.
    np.testing.assert_allclose(frame["cpu_usage_m"], 40.0, rtol=1e-9)


def test_the_report_says_what_is_missing_and_what_was_met(dataset: Path) -> None:
    report = json.loads((dataset / "quality.json").read_text())["workloads"]
    checkout, web = report["shop/checkout"], report["shop/checkout-web"]
    assert checkout["missing_series"] == {
        "cpu_limit_m": "kube_pod_container_resource_limits",
        "memory_limit_bytes": "kube_pod_container_resource_limits",
    }
    assert checkout["throttled_steps"] == 100
    assert checkout["oom_kills"] == 1
    assert checkout["counter_resets"] == 0
    assert checkout["latency_unit"] == "ms (from seconds)"
    assert web["counter_resets"] == 1
    assert web["missing_series"]["replicas_wanted"] == "kube_statefulset_replicas"
    assert web["missing_series"]["latency_p50_ms"].startswith("metrics.latency_p50")
    assert web["notes"] == [
        "cpu_request_m isn't set: taken from the limit, as Kubernetes does",
        "memory_request_bytes isn't set: taken from the limit, as Kubernetes does",
    ]
    assert "<img" in (dataset / "quality.html").read_text()


def test_the_same_data_asked_twice_gives_the_same_bytes(
    prometheus: str, dataset: Path, tmp_path: Path
) -> None:
    run(_config(prometheus, tmp_path), tmp_path / "again", Progress("ingestion"))
    names = sorted(path.relative_to(dataset) for path in dataset.rglob("*") if path.is_file())
    assert len(names) == 5
    for name in names:
        assert (tmp_path / "again" / name).read_bytes() == (dataset / name).read_bytes(), name


def test_a_dataset_can_be_ingested_as_a_folder_and_stays_the_same(
    dataset: Path, tmp_path: Path
) -> None:
    run(IngestionConfig(telemetry=str(dataset)), tmp_path / "again", Progress("ingestion"))
    assert load_workloads(tmp_path / "again" / "workloads.yaml") == load_workloads(
        dataset / "workloads.yaml"
    )
    for name in ("checkout", "checkout-web"):
        path = Path("shop") / f"{name}.parquet"
        assert (tmp_path / "again" / path).read_bytes() == (dataset / path).read_bytes()


def test_more_than_eleven_thousand_steps_are_asked_in_pages(
    prometheus: str, dataset: Path, tmp_path: Path
) -> None:
    config = _config(prometheus, tmp_path, start="2025-12-31T00:00:00Z", end="2026-01-02T00:00:00Z")
    with pytest.raises(UserError, match=r"request_rate_per_s is missing in 99% of the steps"):
        run(config, tmp_path / "long", Progress("ingestion"))


def test_a_time_without_data_is_one_clear_line(prometheus: str, tmp_path: Path) -> None:
    config = _config(prometheus, tmp_path, start="2020-01-01", end="2020-01-02")
    with pytest.raises(UserError, match="Prometheus has no series of it in this time"):
        run(config, tmp_path / "dataset", Progress("ingestion"))
    assert not (tmp_path / "dataset").exists()


def test_an_empty_prometheus_is_one_clear_line(tmp_path: Path) -> None:
    with (
        running_prometheus(tmp_path / "empty") as url,
        pytest.raises(UserError, match="Prometheus has no series of it in this time"),
    ):
        run(_config(url, tmp_path), tmp_path / "dataset", Progress("ingestion"))


def test_an_absent_traffic_series_excludes_one_workload_and_keeps_the_other(
    prometheus: str, tmp_path: Path
) -> None:
    config = _config(prometheus, tmp_path)
    workloads = Path(config.workloads)
    text = workloads.read_text().replace("{source: ingress-nginx}", "{source: istio}")
    workloads.write_text(text)
    summary = run(config, tmp_path / "dataset", Progress("ingestion"))
    assert summary.usable == ("shop/checkout-web",)
    assert summary.excluded == {
        "shop/checkout": "no request_rate_per_s at all (istio_requests_total is absent)"
    }
    assert not (tmp_path / "dataset" / "shop" / "checkout.parquet").exists()
    assert [w.key for w in load_workloads(tmp_path / "dataset" / "workloads.yaml")] == [
        "shop/checkout-web"
    ]


def test_a_query_that_returns_several_series_is_named(prometheus: str, tmp_path: Path) -> None:
    config = _config(prometheus, tmp_path)
    workloads = Path(config.workloads)
    text = workloads.read_text().replace(
        "sum(rate(web_requests_total[1m]))", "rate(nginx_ingress_controller_requests[1m])"
    )
    workloads.write_text(text)
    summary = run(config, tmp_path / "dataset", Progress("ingestion"))
    assert "shop/checkout-web" in summary.excluded
    report = json.loads((tmp_path / "dataset" / "quality.json").read_text())["workloads"]
    assert report["shop/checkout-web"]["notes"][0] == (
        "metrics.request_rate returns 3 series at once; aggregate them to one"
    )


def test_a_broken_query_of_the_users_is_one_clear_line(prometheus: str, tmp_path: Path) -> None:
    config = _config(prometheus, tmp_path)
    workloads = Path(config.workloads)
    workloads.write_text(workloads.read_text().replace("web_latency_seconds", "sum(("))
    with pytest.raises(UserError, match=r"refuses the query sum\(\( \(400: .*parse error"):
        run(config, tmp_path / "dataset", Progress("ingestion"))
