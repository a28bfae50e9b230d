"""The published JSON schema: current, valid, and of one mind with the reader."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from components.errors import UserError
from components.workload.schema import FILE, schema_text
from components.workload.spec import load_workloads

GOOD = """\
maintenance: [{start: "2026-01-01T00:00:00Z", end: "2026-01-01T02:00:00Z"}]
workloads:
  - namespace: shop
    name: checkout
    kind: Deployment
    container: app
    slo: {latency_percentile: 0.95, latency_ms: 150}
    bounds:
      replicas: {min: 1, max: 6}
      cpu: {min: 50m, max: 1.5}
      memory: {min: 40Mi, max: 402653184}
    metrics: {source: ingress-nginx, ingress: checkout}
"""
OWN = 'source: promql, request_rate: "a", latency: "b"'


def _validator() -> jsonschema.Draft202012Validator:
    schema = json.loads(FILE.read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def _accepted(text: str) -> bool:
    return bool(_validator().is_valid(yaml.safe_load(text)))


def test_the_published_schema_is_what_the_reader_accepts_now() -> None:
    assert FILE.read_text(encoding="utf-8") == schema_text(), (
        "run python -m components.workload.schema"
    )


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("", ""),
        ("latency_percentile: 0.95", "success_ratio: 0.95"),
        ("source: ingress-nginx, ingress: checkout", OWN),
        ("source: ingress-nginx, ingress: checkout", "source: istio"),
        ("kind: Deployment", "kind: StatefulSet"),
        ("name: checkout", "name: cart.v2"),
    ],
)
def test_both_accept(old: str, new: str, tmp_path: Path) -> None:
    text = GOOD.replace(old, new, 1)
    path = tmp_path / "workloads.yaml"
    path.write_text(text)
    assert load_workloads(path)
    assert _accepted(text)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("kind: Deployment", "knd: Deployment"),
        ("kind: Deployment", "kind: Job"),
        ("container: app", "container: App"),
        ("namespace: shop", "namespace: ../etc"),
        ("min: 1, max: 6", "min: 0, max: 6"),
        ("min: 1, max: 6", "min: 1"),
        ("max: 1.5", "max: fast"),
        ("max: 1.5", "max: 0"),
        ("40Mi", "40Mb"),
        ("latency_percentile: 0.95, ", ""),
        ("latency_percentile: 0.95", "latency_percentile: 95"),
        ("latency_percentile: 0.95", "latency_percentile: 0.95, success_ratio: 0.9"),
        ("latency_ms: 150", "latency_ms: 0"),
        ("source: ingress-nginx, ingress: checkout", "source: promql"),
        ("source: ingress-nginx, ingress: checkout", "source: istio, latency: up"),
        ("source: ingress-nginx, ingress: checkout", "source: istio, ingress: a"),
        ("source: ingress-nginx", "source: datadog"),
        (GOOD, "workloads: []"),
        (GOOD, "{}"),
    ],
)
def test_both_refuse(old: str, new: str, tmp_path: Path) -> None:
    assert old in GOOD
    text = GOOD.replace(old, new, 1)
    path = tmp_path / "workloads.yaml"
    path.write_text(text)
    with pytest.raises(UserError):
        load_workloads(path)
    assert not _accepted(text)


def test_every_key_is_described_or_its_group_is() -> None:
    schema: dict[str, Any] = json.loads(FILE.read_text(encoding="utf-8"))
    assert all(part.get("description") for part in schema["$defs"].values())
