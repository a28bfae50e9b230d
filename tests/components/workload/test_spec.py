"""The workloads file: what it accepts, and the one line that a mistake gets."""

from __future__ import annotations

from pathlib import Path

import pytest

from components.errors import UserError
from components.workload.spec import (
    Bounds,
    MetricSource,
    Slo,
    Workload,
    dump_workloads,
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


def test_an_alias_that_contains_itself_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="alias that contains itself"):
        load_workloads(_written(tmp_path, "workloads: &all [*all]\n"))


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
    with pytest.raises(UserError, match="no UTF-8 text"):
        load_workloads(path)
