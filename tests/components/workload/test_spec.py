"""The workloads file: what it accepts, and the one line that a mistake gets."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from components.errors import UserError
from components.workload.spec import (
    Bounds,
    MetricSource,
    Slo,
    Workload,
    dump_workloads,
    load_maintenance,
    load_workloads,
)

GOOD = """\
workloads:
  - namespace: shop
    name: checkout
    kind: Deployment
    container: app
    slo: {latency_percentile: 0.95, latency_ms: 150}
    bounds:
      replicas: {min: 1, max: 6}
      cpu: {min: 50m, max: 600m}
      memory: {min: 40Mi, max: 384Mi}
    metrics: {source: ingress-nginx}
"""
CHECKOUT = Workload(
    namespace="shop",
    name="checkout",
    kind="Deployment",
    container="app",
    slo=Slo(0.95, 150.0),
    bounds=Bounds(1, 6, 50, 600, 40 * 2**20, 384 * 2**20),
    metrics=MetricSource("ingress-nginx", ingress="checkout"),
)


def _written(folder: Path, text: str) -> Path:
    path = folder / "workloads.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_good_file_is_read_with_units_converted(tmp_path: Path) -> None:
    (workload,) = load_workloads(_written(tmp_path, GOOD))
    assert workload == CHECKOUT
    assert workload.key == "shop/checkout"


def test_workloads_survive_writing_and_reading(tmp_path: Path) -> None:
    own_queries = MetricSource("promql", "", 'sum(rate(a{b="c"}[1m]))', "d > 0", "", "e / f")
    other = Workload(
        "shop", "cart.v2", "StatefulSet", "main", Slo(0.99, 12.5), CHECKOUT.bounds, own_queries
    )
    path = _written(tmp_path, dump_workloads([CHECKOUT, other]))
    assert load_workloads(path) == (CHECKOUT, other)


@pytest.mark.parametrize(
    ("old", "new", "line", "what"),
    [
        ("    kind:", "    knd:", 4, "unknown key 'knd'"),
        ("{min: 1, max: 6}", "{min: 7, max: 6}", 8, r"min is above max \(7 > 6\)"),
        ("{min: 1, max: 6}", "{min: 1, max: six}", 8, "input should be a valid integer"),
        ("{min: 1, max: 6}", "{min: 1, max: 6, most: 9}", 8, "unknown key 'most'"),
        ("{min: 50m, max: 600m}", "{min: 50m, max: fast}", 9, "'fast' is no CPU quantity"),
        ("{min: 50m, max: 600m}", "{min: 0, max: 600m}", 9, "must be above zero"),
        ("{min: 40Mi, max: 384Mi}", "{min: 40Mi}", 10, "bounds.memory.max is missing"),
        ("0.95", "95", 6, "should be less than 1"),
        ("150", ".nan", 6, "latency_ms"),
        ("namespace: shop", "namespace: ../etc", 2, "should match pattern"),
        ("kind: Deployment", "kind: Job", 4, "'Deployment' or 'StatefulSet'"),
        ("source: ingress-nginx", "source: promql", 11, "needs the queries request_rate"),
        ("source: ingress-nginx", "source: istio, latency: up", 11, "takes no queries"),
        ("source: ingress-nginx", "source: istio, ingress: a", 11, "takes no ingress"),
        ("    container: app\n", "    container: app\n    name: again\n", 6, "'name' again"),
        ("{latency_percentile: 0.95, latency_ms: 150}", "fast", 6, "slo must hold keys and values"),
        ("workloads:\n", "workloads: [\n", 2, "broken YAML"),
        ("    kind:", "\tkind:", 4, "broken YAML"),
        ("150}", "150, latency_ms: 150}", 6, "'latency_ms' again, it is on line 6 already"),
        ("0.95", "0.95, success_ratio: 0.9", 6, "give either latency_percentile or success_ratio"),
        ("latency_percentile: 0.95, ", "", 6, "give either latency_percentile or success_ratio"),
        (
            "latency_percentile: 0.95, latency_ms: 150",
            "success_ratio: 0.99",
            6,
            "slo.latency_ms is",
        ),
        ("latency_percentile: 0.95", "success_ratio: 99", 6, "slo.success_ratio: .* less than 1"),
        ("container: app", "container: !secret app", 5, "could not determine a constructor"),
        ("container: app", "container: 2026-13-45", 5, "'2026-13-45': month must be in 1..12; quo"),
        ("container: app", "container: *app", 5, "found undefined alias"),
        ("container: app", "container: a\0pp", 5, "special characters are not allowed"),
        ("container: app", "container: {[a]: b}", 5, "found unhashable key"),
        ("container: app", "container: {a: b}", 5, "container: input should be a valid string"),
        ("container: app", "? [a]\n    : b", 5, "unhashable key"),
        ("container: app", "container: app\n---\n", 6, "found another document"),
        (
            "workloads:\n",
            "maintenance: [{start: 2026-01-02, end: 2026-01-01}]\nworkloads:\n",
            1,
            "st",
        ),
        (
            "workloads:\n",
            "maintenance:\n  - {start: now, end: 2026-01-01}\nworkloads:\n",
            2,
            "'now' is no ISO time",
        ),
    ],
)
def test_a_mistake_is_named_with_its_line(
    tmp_path: Path, old: str, new: str, line: int, what: str
) -> None:
    assert old in GOOD
    path = _written(tmp_path, GOOD.replace(old, new, 1))
    with pytest.raises(UserError, match=what) as caught:
        load_workloads(path)
    assert f"workloads.yaml, line {line}: " in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_workload_listed_twice_is_refused(tmp_path: Path) -> None:
    entry = GOOD.removeprefix("workloads:\n")
    with pytest.raises(UserError, match=r"line 12: workload shop/checkout again"):
        load_workloads(_written(tmp_path, GOOD + entry))


def test_an_alias_that_contains_itself_is_refused_with_its_line(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="line 2: an alias that contains itself"):
        load_workloads(_written(tmp_path, "a: 1\nworkloads: &all [*all]\n"))


def test_a_short_file_of_aliases_that_would_fill_the_memory_is_refused(tmp_path: Path) -> None:
    layers = ["a0: &a0 [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]"]
    layers += [
        f"a{depth}: &a{depth} [{', '.join([f'*a{depth - 1}'] * 10)}]" for depth in range(1, 30)
    ]
    with pytest.raises(UserError, match=r"line \d+: more than 1000000 values, aliases counted"):
        load_workloads(_written(tmp_path, "\n".join(layers)))


def test_a_file_nested_too_deep_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="nested too deep"):
        load_workloads(_written(tmp_path, "[" * 5000))


def test_a_success_ratio_is_a_share_of_requests_that_did_not_fail(tmp_path: Path) -> None:
    text = GOOD.replace("latency_percentile: 0.95", "success_ratio: 0.99")
    (workload,) = load_workloads(_written(tmp_path, text))
    assert workload.slo == Slo(0.99, 150.0, counts_errors=True)
    path = _written(tmp_path, dump_workloads([workload]))
    assert "success_ratio: 0.99" in path.read_text()
    assert load_workloads(path) == (workload,)


def test_maintenance_is_read_in_utc_unless_it_says_otherwise(tmp_path: Path) -> None:
    text = """\
maintenance:
  - {start: 2026-01-01, end: 2026-01-01T02:00:00Z}
  - {start: "2026-02-01T00:00:00+01:00", end: 2026-02-01T00:00:00}
"""
    path = _written(tmp_path, text + GOOD)
    assert load_maintenance(path) == (
        (datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 1, 2, tzinfo=UTC)),
        (datetime(2026, 1, 31, 23, tzinfo=UTC), datetime(2026, 2, 1, tzinfo=UTC)),
    )
    assert load_workloads(path) == (CHECKOUT,)
    assert load_maintenance(_written(tmp_path, GOOD)) == ()


@pytest.mark.parametrize("text", ["", "workloads: []\n", "a: 1\n", "- 1\n", "1: 2\n"])
def test_a_file_without_workloads_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(UserError, match="line 1: "):
        load_workloads(_written(tmp_path, text))


def test_a_missing_file_is_refused_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"can.t read .*absent\.yaml: No such file"):
        load_workloads(tmp_path / "absent.yaml")


def test_what_is_no_text_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "workloads.yaml"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UserError, match="line 1: it is no UTF-8 text"):
        load_workloads(path)
