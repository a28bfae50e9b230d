"""A proposed workloads file: what is taken over, what is guessed, and what is left to a person."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from components.errors import UserError
from components.kubernetes_api.autoscaler import autoscaler_of
from components.kubernetes_api.names import GROUP, KIND, PREFIX, VERSION
from components.kubernetes_api.resources import Resources
from components.migration.discovery import Seen
from components.migration.proposal import found_by_target
from components.migration.workloads_file import uncertain, workloads_text
from components.workload.spec import Bounds, MetricSource, Slo, Workload, load_workloads

APP = Resources(cpu_request_m=200, memory_request_bytes=64 * 2**20, cpu_limit_m=1000)
BARE = Seen("shop", "checkout", "Deployment", 3, {"app": APP})
SAID = {
    "scale": "true",
    "slo-latency-ms": "150",
    "slo-latency-percentile": "0.99",
    "replicas": "2-8",
    "cpu": "50m-600m",
    "memory": "40Mi-384Mi",
    "metrics": '{"source": "linkerd"}',
}


def _annotated(**said: str) -> Seen:
    return replace(BARE, annotations={f"{PREFIX}/{name}": text for name, text in said.items()})


def _entry(seen: Seen) -> dict[str, Any]:
    (entry,) = yaml.safe_load(workloads_text([seen]))["workloads"]
    return dict(entry)


def _loaded(seen: Seen, folder: Path) -> Workload:
    path = folder / "workloads.yaml"
    path.write_text(workloads_text([seen]))
    (workload,) = load_workloads(path)
    return workload


def test_what_is_annotated_in_full_leaves_nothing_to_decide(tmp_path: Path) -> None:
    seen = _annotated(**{name.replace("_", "-"): text for name, text in SAID.items()})
    assert seen.asked_for
    assert uncertain(seen) == ()
    assert "#" not in workloads_text([seen]).split("workloads:")[1]
    assert _loaded(seen, tmp_path) == Workload(
        "shop",
        "checkout",
        "Deployment",
        "app",
        Slo(0.99, 150.0),
        Bounds(2, 8, 50, 600, 40 * 2**20, 384 * 2**20),
        MetricSource("linkerd"),
    )


def test_what_nobody_said_is_null_or_a_guess_with_its_reason(tmp_path: Path) -> None:
    assert not BARE.asked_for
    entry = _entry(BARE)
    assert entry["slo"] == {"latency_percentile": 0.95, "latency_ms": None}
    assert entry["bounds"] == {
        "replicas": {"min": 2, "max": 6},
        "cpu": {"min": "50m", "max": "1"},
        "memory": {"min": "16Mi", "max": "128Mi"},
    }
    assert entry["metrics"] == {"source": None}
    text = workloads_text([BARE])
    assert "# a guess: state the share; unknown: state what users were promised" in text
    assert uncertain(BARE) == (
        "slo.latency_percentile 0.95: a guess: state the share",
        "slo.latency_ms: unknown: state what users were promised",
        "bounds.replicas.min 2: a guess from 3 replicas now",
        "bounds.replicas.max 6: a guess from 3 replicas now",
        "bounds.cpu.min 50m: a guess from the request",
        "bounds.cpu.max 1: a guess from the request",
        "bounds.memory.min 16Mi: a guess from the request",
        "bounds.memory.max 128Mi: a guess from the request",
        "metrics.source: unknown: state where its requests are counted",
    )
    with pytest.raises(UserError, match=r"line 8: workloads\.0\.slo\.latency_ms: input should be"):
        _loaded(BARE, tmp_path)


def test_a_container_without_requests_has_unknown_sizes() -> None:
    entry = _entry(replace(BARE, containers={"app": Resources()}))
    assert entry["bounds"]["cpu"] == {"min": None, "max": None}
    assert "the container has no request" in workloads_text(
        [replace(BARE, containers={"app": Resources()})]
    )


@pytest.mark.parametrize(
    ("containers", "marks", "chosen", "certain"),
    [
        (["app", "istio-proxy"], {}, "app", True),
        (["istio-proxy", "web", "cache"], {}, "web", False),
        (["web", "cache"], {"kubectl.kubernetes.io/default-container": "cache"}, "cache", True),
        (["web", "cache"], {"kubectl.kubernetes.io/default-container": "gone"}, "web", False),
    ],
)
def test_the_container_is_the_one_that_is_no_sidecar_or_the_one_kubectl_means(
    containers: list[str], marks: dict[str, str], chosen: str, *, certain: bool
) -> None:
    seen = replace(BARE, containers=dict.fromkeys(containers, APP), pod_marks=marks)
    assert _entry(seen)["container"] == chosen
    assert any(line.startswith("container ") for line in uncertain(seen)) is not certain


@pytest.mark.parametrize(
    ("changes", "source"),
    [
        ({"containers": {"app": APP, "istio-proxy": APP}}, {"source": "istio"}),
        ({"pod_marks": {"sidecar.istio.io/inject": "true"}}, {"source": "istio"}),
        ({"pod_marks": {"linkerd.io/inject": "enabled"}}, {"source": "linkerd"}),
        ({"mesh_by_namespace": "istio", "ingresses": ("web",)}, {"source": "istio"}),
        (
            {"pod_marks": {"instrumentation.opentelemetry.io/inject-java": "true"}},
            {"source": "opentelemetry"},
        ),
        ({"ingresses": ("api", "web")}, {"source": "ingress-nginx", "ingress": "api"}),
    ],
)
def test_where_requests_are_counted_follows_from_what_the_cluster_shows(
    changes: dict[str, Any], source: dict[str, str]
) -> None:
    assert _entry(replace(BARE, **changes))["metrics"] == source


def test_bounds_of_existing_autoscalers_are_taken_over_and_named() -> None:
    hpa = {
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"namespace": "shop", "name": "checkout-hpa"},
        "spec": {
            "scaleTargetRef": {"kind": "Deployment", "name": "checkout"},
            "minReplicas": 2,
            "maxReplicas": 9,
        },
    }
    vpa = {
        "kind": "VerticalPodAutoscaler",
        "metadata": {"namespace": "shop", "name": "checkout-vpa"},
        "spec": {
            "targetRef": {"kind": "Deployment", "name": "checkout"},
            "resourcePolicy": {
                "containerPolicies": [
                    {"containerName": "app", "minAllowed": {"memory": "1Gi"}},
                ]
            },
        },
    }
    (found,) = found_by_target([hpa, vpa], "")
    seen = replace(BARE, found=found)
    entry = _entry(seen)
    assert entry["bounds"]["replicas"] == {"min": 2, "max": 9}
    # The guessed maximum isn't below the minimum that was found.
    assert entry["bounds"]["memory"] == {"min": "1024Mi", "max": "1024Mi"}
    text = workloads_text([seen])
    assert "# as HorizontalPodAutoscaler shop/checkout-hpa" in text
    assert "as VerticalPodAutoscaler shop/checkout-vpa" in text


def test_an_mpa_says_the_same_as_annotations_and_goes_before_them(tmp_path: Path) -> None:
    document = {
        "apiVersion": f"{GROUP}/{VERSION}",
        "kind": KIND,
        "metadata": {
            "namespace": "shop",
            "name": "checkout",
            "annotations": {
                f"{PREFIX}/slo-latency-ms": "90",
                f"{PREFIX}/slo-latency-percentile": "0.9",
                f"{PREFIX}/metrics": '{"source": "istio"}',
            },
        },
        "spec": {
            "scaleTargetRef": {"kind": "Deployment", "name": "checkout"},
            "constraints": {
                "global": {"minReplicas": 1, "maxReplicas": 5},
                "container": [
                    {
                        "name": "app",
                        "requests": {
                            "minAllowed": {"cpu": "50m", "memory": "32Mi"},
                            "maxAllowed": {"cpu": "1", "memory": "1Gi"},
                        },
                    }
                ],
            },
        },
    }
    seen = replace(_annotated(**{"slo-latency-ms": "400"}), autoscaler=autoscaler_of(document))
    assert seen.asked_for
    assert uncertain(seen) == ()
    workload = _loaded(seen, tmp_path)
    assert workload.slo == Slo(0.9, 90.0)
    assert workload.bounds == Bounds(1, 5, 50, 1000, 32 * 2**20, 2**30)
    assert workload.metrics == MetricSource("istio")


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("replicas", "6-1", "replicas is no range such as 1-6"),
        ("replicas", "0-3", "replicas is no range such as 1-6"),
        ("cpu", "600m", "cpu is no range such as 50m-600m"),
        ("memory", "40Mb-1Gi", "memory is no range such as 40Mi-384Mi"),
        ("slo-latency-ms", "soon", "slo-latency-ms is no time above 0"),
        ("slo-latency-ms", "inf", "slo-latency-ms is no time above 0"),
        ("slo-success-ratio", "99", "slo-success-ratio is no share between 0 and 1"),
        ("container", "gone", "container names none that is there"),
        ("metrics", '{"source": "datadog"}', "metrics is wrong"),
        ("metrics", "istio", "metrics is wrong"),
    ],
)
def test_an_annotation_that_is_wrong_is_told_and_not_used(name: str, text: str, told: str) -> None:
    seen = _annotated(**{name: text})
    assert any(f"annotation {PREFIX}/{told}" in line for line in uncertain(seen))
    assert f"annotation {PREFIX}/{told}" in workloads_text([seen])


def test_a_success_ratio_is_taken_over(tmp_path: Path) -> None:
    said = {name: text for name, text in SAID.items() if name != "slo-latency-percentile"}
    seen = _annotated(**said, **{"slo-success-ratio": "0.999"})
    assert _loaded(seen, tmp_path).slo == Slo(0.999, 150.0, counts_errors=True)


def test_names_that_yaml_would_take_for_something_else_are_quoted(tmp_path: Path) -> None:
    seen = replace(_annotated(**SAID), name="1e3", namespace="on")
    workload = _loaded(seen, tmp_path)
    assert (workload.namespace, workload.name) == ("on", "1e3")
