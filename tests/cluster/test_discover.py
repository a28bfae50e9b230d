"""Discovery on a real API server: what is annotated, what an MPA names, what nobody asked for."""

from __future__ import annotations

import stat
from pathlib import Path
from typing import Any

import pytest
import yaml

from components.kubernetes_api.errors import RefusedError
from components.kubernetes_api.names import PREFIX
from components.migration.seen import seen_in
from components.workload.spec import load_workloads
from pipelines.cli import main
from tests.cluster.api_server import Cluster
from tests.cluster.workloads import create_mpa, deployment, mpa, stateful_set

SAID = {
    "scale": "true",
    "slo-latency-ms": "150",
    "slo-latency-percentile": "0.99",
    "metrics": '{"source": "istio"}',
}
ANNOTATIONS = {f"{PREFIX}/{name}": text for name, text in SAID.items()}


def _put(cluster: Cluster, namespace: str, document: dict[str, Any], **annotations: str) -> None:
    document["metadata"]["annotations"] = annotations
    plural = {"Deployment": "deployments", "StatefulSet": "statefulsets"}[document["kind"]]
    cluster.client.create(f"/apis/apps/v1/namespaces/{namespace}/{plural}", document)


@pytest.fixture
def shop(cluster: Cluster, namespace: str) -> str:
    """An annotated Deployment and StatefulSet, one with an MPA, one that nobody asked for."""
    _put(cluster, namespace, deployment("checkout"), **ANNOTATIONS)
    _put(cluster, namespace, stateful_set("ledger"), **{f"{PREFIX}/scale": "true"})
    _put(cluster, namespace, deployment("search"))
    _put(cluster, namespace, deployment("legacy"))
    create_mpa(cluster, namespace, mpa("search", annotations=ANNOTATIONS))
    create_mpa(cluster, namespace, mpa("gone"))
    cluster.client.create(
        f"/apis/autoscaling/v1/namespaces/{namespace}/horizontalpodautoscalers",
        {
            "metadata": {"name": "ledger-hpa"},
            "spec": {
                "scaleTargetRef": {
                    "apiVersion": "apps/v1",
                    "kind": "StatefulSet",
                    "name": "ledger",
                },
                "minReplicas": 2,
                "maxReplicas": 7,
            },
        },
    )
    _route(cluster, namespace, "ledger")
    return namespace


def _route(cluster: Cluster, namespace: str, app: str) -> None:
    """An Ingress `front` to a Service to the app's pods."""
    cluster.client.create(
        f"/api/v1/namespaces/{namespace}/services",
        {
            "metadata": {"name": "books"},
            "spec": {"selector": {"app": app}, "ports": [{"port": 80}]},
        },
    )
    backend = {"service": {"name": "books", "port": {"number": 80}}}
    path = {"path": "/", "pathType": "Prefix", "backend": backend}
    cluster.client.create(
        f"/apis/networking.k8s.io/v1/namespaces/{namespace}/ingresses",
        {"metadata": {"name": "front"}, "spec": {"rules": [{"http": {"paths": [path]}}]}},
    )


def _aware(
    cluster: Cluster, capsys: pytest.CaptureFixture[str], *arguments: object
) -> tuple[int, str, str]:
    with pytest.MonkeyPatch.context() as patch, pytest.raises(SystemExit) as stopped:
        patch.setenv("KUBECONFIG", str(cluster.kubeconfig))
        main(["discover", *map(str, arguments)])
    told = capsys.readouterr()
    return int(stopped.value.code or 0), told.out, told.err


def test_annotated_workloads_and_mpas_are_proposed(
    cluster: Cluster, shop: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code, text, told = _aware(cluster, capsys, "--namespace", shop)
    assert code == 0
    entries = {entry["name"]: entry for entry in yaml.safe_load(text)["workloads"]}
    assert list(entries) == ["checkout", "ledger", "search"]
    assert entries["checkout"]["slo"] == {"latency_percentile": 0.99, "latency_ms": 150.0}
    assert entries["checkout"]["metrics"] == {"source": "istio"}
    assert entries["search"]["bounds"]["replicas"] == {"min": 1, "max": 6}
    ledger = entries["ledger"]
    assert ledger["kind"] == "StatefulSet"
    assert ledger["bounds"]["replicas"] == {"min": 2, "max": 7}
    assert ledger["metrics"] == {"source": "ingress-nginx", "ingress": "front"}
    assert ledger["slo"]["latency_ms"] is None
    assert f"{shop}/ledger: slo.latency_ms: unknown: state what users were promised" in told
    assert f"MultidimPodAutoscaler {shop}/gone: there is no Deployment gone to scale" in told


def test_the_same_cluster_gives_the_same_text_and_a_file_is_not_overwritten(
    cluster: Cluster, shop: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    output = tmp_path / "workloads.yaml"
    code, _, _ = _aware(cluster, capsys, "--namespace", shop, "--output", output)
    assert code == 0
    first = output.read_text()
    code, _, told = _aware(cluster, capsys, "--namespace", shop, "--output", output)
    assert code == 2
    assert told.startswith(f"error: {output} exists; give another file, or --force")
    output.write_text("mine")
    code, _, _ = _aware(cluster, capsys, "--namespace", shop, "--output", output, "--force")
    assert code == 0
    assert output.read_text() == first
    assert stat.S_IMODE(output.stat().st_mode) == 0o644


def test_all_includes_what_nobody_asked_for(
    cluster: Cluster, shop: str, capsys: pytest.CaptureFixture[str]
) -> None:
    _, text, _ = _aware(cluster, capsys, "--namespace", shop, "--all")
    names = [entry["name"] for entry in yaml.safe_load(text)["workloads"]]
    assert names == ["checkout", "ledger", "legacy", "search"]


def test_once_decided_the_file_is_one_that_ingestion_reads(
    cluster: Cluster, shop: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    _, text, _ = _aware(cluster, capsys, "--namespace", shop)
    path = tmp_path / "workloads.yaml"
    path.write_text(text.replace("latency_ms: null", "latency_ms: 200"))
    assert [workload.name for workload in load_workloads(path)] == ["checkout", "ledger", "search"]


def test_nothing_to_propose_is_one_line_and_exit_code_2(
    cluster: Cluster, namespace: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code, text, told = _aware(cluster, capsys, "--namespace", namespace)
    assert (code, text) == (2, "")
    assert told.startswith("error: nothing to propose: annotate a Deployment or StatefulSet with")


def test_what_an_account_may_not_read_is_told_and_the_rest_is_proposed(
    cluster: Cluster, shop: str
) -> None:
    role = {
        "metadata": {"name": "reader"},
        "rules": [
            {
                "apiGroups": ["apps"],
                "resources": ["deployments", "statefulsets"],
                "verbs": ["list"],
            }
        ],
    }
    rbac = f"/apis/rbac.authorization.k8s.io/v1/namespaces/{shop}"
    account = {"kind": "ServiceAccount", "name": "default", "namespace": shop}
    with pytest.raises(RefusedError, match="deployments"):
        seen_in(cluster.client_as(shop, "default"), shop)
    cluster.client.create(f"{rbac}/roles", role)
    cluster.client.create(
        f"{rbac}/rolebindings",
        {
            "metadata": {"name": "reader"},
            "roleRef": {
                "apiGroup": "rbac.authorization.k8s.io",
                "kind": "Role",
                "name": "reader",
            },
            "subjects": [account],
        },
    )
    client = cluster.client_as(shop, "default")
    cluster.wait_for(lambda: seen_or_none(client, shop))
    found, notes = seen_in(client, shop)
    assert [one.name for one in found] == ["checkout", "ledger", "legacy", "search"]
    assert "may not read multidimpodautoscalers: what they say is missing" in notes
    assert "may not read horizontalpodautoscalers: what they say is missing" in notes


def seen_or_none(client: Any, namespace: str) -> bool:
    """Whether the account may read already: a new role takes a moment to count."""
    try:
        seen_in(client, namespace)
    except RefusedError:
        return False
    return True
