from __future__ import annotations

import copy
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from components.artifacts.channel import SHADOW, Channel
from components.rollout.manifest import manifest_yaml, mpa_manifest
from components.workload.document import MetricsDocument
from components.workload.quantities import parse_cpu, parse_memory
from components.workload.spec import Bounds, MetricSource, Slo, Workload
from tests.components.rollout.stage_inputs import CART, CHECKOUT

CRD_FILE = Path(__file__).parents[3] / "manifests/crd/multidimpodautoscalers.yaml"
CRD: dict[str, Any] = yaml.safe_load(CRD_FILE.read_text())
SCHEMA: dict[str, Any] = CRD["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
INCUMBENT = {"cpu_target": 0.45, "memory_margin": 0.2}


def closed(schema: Any) -> Any:
    """The schema as the API server uses it: it prunes (here: refuses) what isn't listed."""
    if isinstance(schema, list):
        return [closed(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    result = {key: closed(value) for key, value in schema.items()}
    if isinstance(schema.get("properties"), dict) and "type" in schema:
        result.setdefault("additionalProperties", False)
    return result


VALIDATOR = jsonschema.Draft202012Validator(closed(SCHEMA))


def manifest(workload: Workload = CHECKOUT, channel: Channel | None = None) -> dict[str, Any]:
    return mpa_manifest(workload, channel or Channel("d" * 64, None, SHADOW), INCUMBENT, 0.45)


names = st.from_regex(r"[a-z]([a-z0-9-]{0,8}[a-z0-9])?", fullmatch=True)


@st.composite
def bounds(draw: st.DrawFn) -> Bounds:
    def pair(low: int, high: int) -> tuple[int, int]:
        one, two = draw(st.integers(low, high)), draw(st.integers(low, high))
        return min(one, two), max(one, two)

    return Bounds(*pair(1, 1000), *pair(1, 64_000), *pair(2**20, 2**40))


workloads = st.builds(
    Workload,
    names,
    names,
    st.sampled_from(["Deployment", "StatefulSet"]),
    names,
    st.builds(Slo, st.floats(0.5, 0.999), st.floats(1, 60_000)),
    bounds(),
    st.just(MetricSource("istio")),
)
channels = st.builds(
    Channel,
    st.none() | st.just("a" * 64),
    st.none(),
    st.sampled_from(["INCUMBENT", "SHADOW", "CANARY", "LIVE"]),
)


@given(workload=workloads, channel=channels, target=st.floats(0.0, 5.0))
def test_every_manifest_is_what_the_crd_allows_and_says_what_the_spec_says(
    workload: Workload, channel: Channel, target: float
) -> None:
    text = manifest_yaml(mpa_manifest(workload, channel, INCUMBENT, target))
    value = yaml.safe_load(text)

    VALIDATOR.validate(value)
    spec = value["spec"]
    assert spec["scaleTargetRef"]["kind"] == workload.kind
    assert spec["policy"]["updateMode"] == "Off"
    assert spec["constraints"]["global"] == {
        "minReplicas": workload.bounds.replicas_min,
        "maxReplicas": workload.bounds.replicas_max,
    }
    requests = spec["constraints"]["container"][0]["requests"]
    assert parse_cpu(requests["minAllowed"]["cpu"]) == workload.bounds.cpu_min_m
    assert parse_cpu(requests["maxAllowed"]["cpu"]) == workload.bounds.cpu_max_m
    assert parse_memory(requests["minAllowed"]["memory"]) == workload.bounds.memory_min_bytes
    assert parse_memory(requests["maxAllowed"]["memory"]) == workload.bounds.memory_max_bytes


def test_a_manifest_by_hand() -> None:
    assert yaml.safe_load(manifest_yaml(manifest(CART))) == {
        "apiVersion": "autoscaling.k8s.io/v1alpha1",
        "kind": "MultidimPodAutoscaler",
        "metadata": {
            "name": "cart",
            "namespace": "shop",
            "labels": {"app.kubernetes.io/managed-by": "aware"},
            "annotations": {
                "aware.autoscaling/slo-latency-percentile": "0.99",
                "aware.autoscaling/slo-latency-ms": "62.5",
                "aware.autoscaling/phase": "SHADOW",
                "aware.autoscaling/channel": "channels/shop/cart.json",
                "aware.autoscaling/policy-digest": "d" * 64,
                "aware.autoscaling/incumbent": json.dumps(INCUMBENT),
                "aware.autoscaling/metrics": '{"source": "istio"}',
            },
        },
        "spec": {
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "StatefulSet", "name": "cart"},
            "policy": {"updateMode": "Off"},
            "goals": {
                "metrics": [
                    {
                        "type": "Resource",
                        "resource": {
                            "name": "cpu",
                            "target": {"type": "Utilization", "averageUtilization": 45},
                        },
                    }
                ]
            },
            "constraints": {
                "global": {"minReplicas": 2, "maxReplicas": 3},
                "containerControlledResources": ["cpu", "memory"],
                "container": [
                    {
                        "name": "main",
                        "mode": "Auto",
                        "requests": {
                            "minAllowed": {"cpu": "1", "memory": "1024Mi"},
                            "maxAllowed": {"cpu": "2", "memory": "2048Mi"},
                        },
                    }
                ],
            },
            "resourcePolicy": {
                "containerPolicies": [
                    {
                        "containerName": "main",
                        "controlledValues": "RequestsAndLimits",
                        "minAllowed": {"cpu": "1", "memory": "1024Mi"},
                        "maxAllowed": {"cpu": "2", "memory": "2048Mi"},
                    },
                    {"containerName": "*", "mode": "Off"},
                ]
            },
            "recommenders": [{"name": "aware"}],
        },
    }


def test_without_a_policy_no_digest_is_named() -> None:
    annotations = manifest(channel=Channel())["metadata"]["annotations"]

    assert annotations["aware.autoscaling/phase"] == "INCUMBENT"
    assert "aware.autoscaling/policy-digest" not in annotations


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("spec.policy.updateMode", "Live"),
        ("spec.policy.updateMode", False),
        ("spec.constraints.global.maxReplicas", 0),
        ("spec.constraints.global.maxReplicas", "6"),
        ("spec.constraints.global.maxReplicas", None),
        ("spec.constraints.global", None),
        ("spec.constraints", None),
        ("spec.scaleTargetRef.name", ""),
        ("spec.recommenders", [{"name": "a"}, {"name": "b"}]),
        ("spec.goals.metrics", [{"type": "Magic"}]),
        ("spec.unknown", 1),
        ("spec.resourcePolicy.containerPolicies", [{"minAllowed": {"cpu": "many"}}]),
    ],
)
def test_the_crd_refuses_what_would_be_dangerous_or_meaningless(path: str, value: Any) -> None:
    bad = copy.deepcopy(manifest())
    *parents, last = path.split(".")
    place = bad
    for name in parents:
        place = place[name]
    place[last] = value
    if value is None:
        del place[last]

    with pytest.raises(jsonschema.ValidationError):
        VALIDATOR.validate(bad)


def test_the_crd_is_the_aep_s_kind_and_off_by_default() -> None:
    spec = CRD["spec"]
    policy = SCHEMA["properties"]["spec"]["properties"]["policy"]

    assert CRD["metadata"]["name"] == f"{spec['names']['plural']}.{spec['group']}"
    assert CRD["metadata"]["annotations"]["api-approved.kubernetes.io"].startswith("unapproved")
    assert spec["names"]["shortNames"] == ["mpa"]
    assert spec["versions"][0]["subresources"] == {"status": {}}
    assert policy["default"] == {"updateMode": "Off"}
    assert policy["properties"]["updateMode"]["default"] == "Off"


def test_the_schema_is_structural() -> None:
    """Every node has a type, as the API server demands, or is an int-or-string."""

    def check(node: dict[str, Any], path: str) -> None:
        assert "type" in node or node.get("x-kubernetes-int-or-string"), path
        assert not {"$ref", "oneOf", "allOf", "not"} & node.keys(), path
        for name, child in node.get("properties", {}).items():
            check(child, f"{path}.{name}")
        for keyword in ("items", "additionalProperties"):
            if keyword in node:
                check(node[keyword], f"{path}.{keyword}")

    check(SCHEMA, "")
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


def test_the_recommender_reads_rate_and_latency_where_ingestion_did() -> None:
    document = manifest()
    annotations = document["metadata"]["annotations"]
    assert MetricsDocument.model_validate_json(annotations["aware.autoscaling/metrics"])
    assert json.loads(annotations["aware.autoscaling/metrics"]) == {
        name: text for name, text in asdict(CHECKOUT.metrics).items() if text
    }
