"""Every fault of a real Prometheus' series: handled on purpose, and told in the report."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from components.ingestion.config import IngestionConfig
from components.ingestion.quality import Quality
from components.ingestion.quality_page import remarks
from components.ingestion.stage import run
from components.progress import Progress
from components.workload.telemetry import read_telemetry
from tests.components.ingestion.fleet_history import (
    END,
    SKIPPED,
    START,
    STEPS,
    Points,
    Series,
    changed,
    healthy,
    pod_labels,
    points,
    text_of,
    traffic_labels,
    workload_of,
    write_specs,
)
from tests.prometheus_server import running_prometheus

DURATION = "istio_request_duration_milliseconds"
BUCKET = f"{DURATION}_bucket"
MEMORY, USAGE = "container_memory_working_set_bytes", "container_cpu_usage_seconds_total"
REQUESTS = "istio_requests_total"


def _at(points_: Points, values: dict[int, float]) -> Points:
    return [(time, values.get(step, value)) for step, (time, value) in enumerate(points_)]


def _within(first: int, after: int) -> Any:
    return lambda found: found[first:after]


def _without(first: int, after: int) -> Any:
    return lambda found: found[:first] + found[after:]


def _reset() -> Series:
    """Every counter begins again at step 60, as after a restart of the pod."""

    def from_zero(found: Points) -> Points:
        return [
            (time, value if step < 60 else value - found[59][1])
            for step, (time, value) in enumerate(found)
        ]

    counters = [USAGE, REQUESTS, BUCKET, f"{DURATION}_count"]
    return changed(healthy("reset"), from_zero, counters)


def _stale() -> Series:
    """Memory is no longer sampled from step 90 on, and no marker says so."""
    return changed(healthy("stale"), _within(0, 90), [MEMORY])


def _twice() -> Series:
    """Two replicas of Prometheus show every series, one of them half a step later."""
    later = changed(healthy("twice"), lambda found: [(time + 7, value) for time, value in found])
    return {
        (metric, f'{labels},prometheus_replica="{replica}"'): found
        for replica, series in (("0", healthy("twice")), ("1", later))
        for (metric, labels), found in series.items()
    }


def _churn() -> Series:
    """One pod until step 60, another from step 60 on; memory of the first lingers on."""
    series = healthy("churn")
    first, second = pod_labels("churn"), pod_labels("churn", "5d8f9-n3w77")
    for metric, labels in list(series):
        if labels.startswith(first):
            found = series.pop((metric, labels))
            series[metric, labels] = found[:60]
            series[metric, labels.replace(first, second)] = found[60:]
    series[MEMORY, first] = points(0.0, 90e6)[:63]
    return series


def _skewed() -> Series:
    """The node's clock is 45 s behind, so cAdvisor's own times are."""
    return {
        (metric, labels): [(time - 45, value) for time, value in found]
        if metric == MEMORY
        else found
        for (metric, labels), found in healthy("skewed").items()
    }


def _gap() -> Series:
    """Nothing at all was scraped from step 50 to 69."""
    return changed(healthy("gap"), _without(50, 70))


def _impossible() -> Series:
    """Memory is infinite at steps 40 and 41, negative at step 50 and NaN at step 60."""
    wrong = {40: np.inf, 41: np.inf, 50: -1.0, 60: np.nan}
    return changed(healthy("impossible"), lambda found: _at(found, wrong), [MEMORY])


def _buckets(name: str, rates: dict[str, float], **more: str) -> Series:
    series = {key: found for key, found in healthy(name).items() if key[0] != BUCKET}
    beside = "".join(f',{label}="{value}"' for label, value in more.items())
    for bound, rate in rates.items():
        series[BUCKET, f'{traffic_labels(name)}{beside},le="{bound}"'] = points(rate)
    return series


def _uneven() -> Series:
    """A newer version has a bucket of 75 ms that the older one lacks."""
    old = _buckets("uneven", {"50": 1.0, "100": 2.0, "+Inf": 2.0}, version="1")
    new = _buckets("uneven", {"50": 1.0, "75": 2.0, "100": 2.0, "+Inf": 2.0}, version="2")
    return old | new


FLEET: dict[str, Series] = {
    "healthy": healthy("healthy"),
    "reset": _reset(),
    "stale": _stale(),
    "twice": _twice(),
    "churn": _churn(),
    "skewed": _skewed(),
    "gap": _gap(),
    "impossible": _impossible(),
    "no-infinity": _buckets("no-infinity", {"50": 2.0, "100": 4.0}),
    "too-slow": _buckets("too-slow", {"50": 1.0, "100": 2.0, "+Inf": 4.0}),
    "uneven": _uneven(),
    "no-buckets": _buckets("no-buckets", {}),
}


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("faults")
    # The slow one's promise is beyond what its histogram can tell.
    workloads = [workload_of(name, 200.0 if name == "too-slow" else 100.0) for name in FLEET]
    specs = write_specs(folder / "workloads.yaml", workloads)
    with running_prometheus(folder / "prometheus", text_of(*FLEET.values())) as url:
        config = IngestionConfig(prometheus_url=url, workloads=str(specs), start=START, end=END)
        summary = run(config, folder / "dataset", Progress("ingestion"))
    assert list(summary.excluded) == ["fleet/no-buckets"]
    return folder / "dataset"


def _frame(dataset: Path, name: str) -> pd.DataFrame:
    return read_telemetry(dataset / "fleet" / f"{name}.parquet")


def _report(dataset: Path, name: str) -> Quality:
    value = json.loads((dataset / "quality.json").read_text())
    return Quality(**value["workloads"][f"fleet/{name}"])


def _missing(frame: pd.DataFrame, column: str) -> list[int]:
    """The history's steps in which the column has no value."""
    return [int(step) + SKIPPED for step in np.flatnonzero(frame[column].isna())]


def test_a_healthy_workload_is_read_as_it_is_and_nothing_is_remarked(dataset: Path) -> None:
    frame = _frame(dataset, "healthy")
    known = {
        "request_rate_per_s": 4.0,
        "error_ratio": 0.0,
        "latency_ms": 90.0,
        "latency_p50_ms": 50.0,
        "cpu_usage_m": 100.0,
        "memory_working_set_bytes": 50e6,
    }
    for column, value in known.items():
        np.testing.assert_allclose(frame[column], value, rtol=1e-9, err_msg=column)
    report = _report(dataset, "healthy")
    assert report.notes == []
    assert (report.copies, report.pods, report.counter_resets) == (1.0, 1, 0)
    assert (report.gaps, report.invalid, report.ended_early_s) == (0, {}, {})
    assert report.latency_unit == "ms"


def test_counter_resets(dataset: Path) -> None:
    frame = _frame(dataset, "reset")
    np.testing.assert_allclose(frame["cpu_usage_m"], 100.0, rtol=1e-9)
    np.testing.assert_allclose(frame["request_rate_per_s"], 4.0, rtol=1e-9)
    assert _report(dataset, "reset").counter_resets == 1


def test_staleness(dataset: Path) -> None:
    # The last sample, step 89's, counts for the window of 60 s.
    assert _missing(_frame(dataset, "stale"), "memory_working_set_bytes") == [*range(93, STEPS)]
    report = _report(dataset, "stale")
    assert report.ended_early_s == {"memory_working_set_bytes": 15 * (STEPS - 93)}
    assert "memory_working_set_bytes: its series ended 405 s before the others" in remarks(report)


def test_duplicate_series_of_two_replicas_of_prometheus(dataset: Path) -> None:
    frame = _frame(dataset, "twice")
    np.testing.assert_allclose(frame["request_rate_per_s"], 4.0, rtol=1e-9)
    np.testing.assert_allclose(frame["cpu_usage_m"], 100.0, rtol=1e-9)
    np.testing.assert_allclose(frame["latency_ms"], 90.0, rtol=1e-9)
    np.testing.assert_allclose(frame["replicas_ready"], 1.0)
    report = _report(dataset, "twice")
    assert report.copies == 2.0
    assert report.notes == ["every series is there 2 times (replicas): counted once"]


def test_pod_churn(dataset: Path) -> None:
    frame = _frame(dataset, "churn")
    assert _report(dataset, "churn").pods == 2
    # The rate of a new pod needs its second sample; the old pod's lasts for its window.
    usage = frame["cpu_usage_m"]
    assert usage.min() > 60
    assert usage.max() < 170
    np.testing.assert_allclose(usage.iloc[: 58 - SKIPPED], 100.0, rtol=1e-9)
    np.testing.assert_allclose(usage.iloc[65 - SKIPPED :], 100.0, rtol=1e-9)
    # kube-state-metrics' gauge says when the first pod was gone: its memory doesn't linger.
    memory = frame["memory_working_set_bytes"].to_numpy()
    assert memory[59 - SKIPPED] == 90e6
    np.testing.assert_array_equal(memory[63 - SKIPPED :], 50e6)
    assert frame["restarts"].sum() == 0


def test_clock_skew(dataset: Path) -> None:
    report = _report(dataset, "skewed")
    assert report.sample_age_s == 50.0
    assert report.notes[0].startswith("container samples are 50 s old when they are new: a node's")
    assert _missing(_frame(dataset, "skewed"), "memory_working_set_bytes") == []
    assert _report(dataset, "healthy").sample_age_s == 5.0


def test_missing_intervals(dataset: Path) -> None:
    frame = _frame(dataset, "gap")
    # A rate needs two samples in its window, so it ends a step after and begins a step after.
    assert _missing(frame, "request_rate_per_s") == [*range(52, 71)]
    assert _missing(frame, "memory_working_set_bytes") == [*range(53, 70)]
    report = _report(dataset, "gap")
    assert (report.gaps, report.longest_gap_s) == (1, 15 * 19)


def test_infinite_and_negative_values(dataset: Path) -> None:
    frame = _frame(dataset, "impossible")
    assert _missing(frame, "memory_working_set_bytes") == [40, 41, 50, 60]
    assert frame["memory_working_set_bytes"].max() == 50e6
    report = _report(dataset, "impossible")
    assert report.invalid == {"memory_working_set_bytes": 3}
    assert any("3 infinite or negative values" in remark for remark in remarks(report))


def test_a_histogram_without_its_infinite_bucket(dataset: Path) -> None:
    np.testing.assert_allclose(_frame(dataset, "no-infinity")["latency_ms"], 90.0, rtol=1e-9)
    assert _report(dataset, "no-infinity").notes == [
        "the latency histogram has no +Inf bucket: its count stands in for it"
    ]


def test_a_histogram_whose_buckets_end_too_early(dataset: Path) -> None:
    np.testing.assert_allclose(_frame(dataset, "too-slow")["latency_ms"], 100.0, rtol=1e-9)
    report = _report(dataset, "too-slow")
    steps = STEPS - SKIPPED
    assert report.saturated_steps == steps
    assert report.notes == [
        "the SLO of 200 ms is above the highest latency bucket (100 ms): a violation can't be"
        " seen; add buckets",
        f"latency is at or above the highest bucket (100 ms) in {steps} steps and reads as that;"
        " add buckets",
    ]


def test_histograms_of_two_versions_with_different_buckets(dataset: Path) -> None:
    report = _report(dataset, "uneven")
    assert report.notes[0].startswith("the pods' latency histograms have different buckets")
    assert _frame(dataset, "uneven")["latency_ms"].between(75, 100).all()


def test_a_histogram_without_any_bucket_is_named_as_absent(dataset: Path) -> None:
    report = _report(dataset, "no-buckets")
    assert report.reason == f"no latency_ms at all ({BUCKET} is absent)"
