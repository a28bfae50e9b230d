"""Broken set-ups, one at a time: each is named with its mend."""

import importlib.metadata

import pytest

from components.artifacts.local import LocalStore
from components.artifacts.open import open_store
from components.errors import TemporaryError, UserError
from components.kubernetes_api.errors import AbsentError, RefusedError
from pipelines import doctor
from pipelines.cluster_access import user_kubeconfig

WORKLOADS = """
workloads:
  - namespace: shop
    name: checkout
    kind: Deployment
    container: app
    slo: {latency_percentile: 0.95, latency_ms: 150}
    bounds:
      {replicas: {min: 1, max: 6}, cpu: {min: 50m, max: 600m}, memory: {min: 40Mi, max: 384Mi}}
    metrics: {source: ingress-nginx, ingress: checkout}
"""


class Cluster:
    """An API server's answers, each of which a test may spoil."""

    def __init__(self, resize=True, crd=True, refused=(), broken=None):
        self.resize, self.crd, self.refused, self.broken = resize, crd, refused, broken

    def get(self, path, query=None):
        if self.broken and self.broken[0] == path:
            raise self.broken[1]
        if path == "/apis":
            return {"groups": []}
        if path == "/api/v1":
            return {"resources": [{"name": "pods/resize"}] if self.resize else []}
        if not self.crd:
            raise AbsentError(f"GET {path}: 404")
        return {"resources": [{"name": "multidimpodautoscalers"}]}

    def create(self, path, body, retry_busy=True):
        resource = body["spec"]["resourceAttributes"]
        return {"status": {"allowed": (resource["verb"], resource["resource"]) not in self.refused}}


def wrong(findings):
    return [finding for finding in findings if not finding.right]


def series(**counts):
    return lambda metric: counts.get(metric, 3)


def raising(error):
    def call(*_):
        raise error

    return call


def absent(name):
    raise importlib.metadata.PackageNotFoundError(name)


def test_a_sound_machine_has_nothing_wrong(tmp_path):
    file = tmp_path / "workloads.yaml"
    file.write_text(WORKLOADS)
    assert wrong(doctor.here(tmp_path / "runs", file)) == []
    assert wrong(doctor.cluster(Cluster)) == []
    assert wrong(doctor.prometheus("http://p", series())) == []
    assert doctor.store(str(tmp_path), lambda url: LocalStore(tmp_path)).right


def test_an_old_python_is_named_with_the_one_to_install():
    finding = doctor.python_version((3, 9, 2))
    assert not finding.right
    assert finding.found == "3.9.2"
    assert "3.11" in finding.mend


def test_missing_packages_are_named():
    finding = doctor.packages(absent)
    assert not finding.right
    assert "kfp" in finding.found
    assert "requirements.lock" in finding.mend


def test_an_output_that_is_a_file_is_named(tmp_path):
    file = tmp_path / "file"
    file.write_text("")
    finding = doctor.output_folder(file / "runs")
    assert (finding.right, finding.found) == (False, f"{file} is a file")


def test_an_output_that_can_t_be_written_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(doctor.os, "access", lambda path, mode: False)
    assert "can't be written" in doctor.output_folder(tmp_path / "runs").found


def test_a_full_disk_is_named(tmp_path, monkeypatch):
    class Usage:
        free = 10 << 20

    monkeypatch.setattr(doctor.shutil, "disk_usage", lambda path: Usage)
    finding = doctor.output_folder(tmp_path)
    assert (finding.right, finding.found) == (False, "0.0 GiB free")


@pytest.mark.parametrize(
    ("text", "named"),
    [
        (None, "workloads.yaml"),
        ("workloads: [", "workloads.yaml"),
        (WORKLOADS.replace("max: 6", "max: 0"), "line 9"),
        (WORKLOADS.replace("latency_ms: 150", "latency_ms: fast"), "line 7"),
        (WORKLOADS.replace("container: app", "contaner: app"), "contaner"),
    ],
)
def test_a_broken_list_of_workloads_is_named_with_its_place(tmp_path, text, named):
    file = tmp_path / "workloads.yaml"
    if text is not None:
        file.write_text(text)
    finding = doctor.workloads_file(file)
    assert not finding.right
    assert named in finding.found


@pytest.mark.parametrize(
    ("url", "environment", "named"),
    [
        ("minio://bucket", {}, "AWS_ENDPOINT_URL, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY"),
        ("ftp://bucket", {}, "minio://bucket/prefix"),
        (
            "minio://bucket",
            {
                "AWS_ENDPOINT_URL": "ftp://host",
                "AWS_ACCESS_KEY_ID": "a",
                "AWS_SECRET_ACCESS_KEY": "b",
            },
            "https://host:port",
        ),
    ],
)
def test_a_store_that_can_t_be_opened_is_named(url, environment, named):
    finding = doctor.store(url, lambda one: open_store(one, environment))
    assert not finding.right
    assert named in finding.found


def test_a_store_that_is_down_is_named():
    finding = doctor.store("minio://b", raising(TemporaryError("bucket b: no answer")))
    assert (finding.right, finding.found) == (False, "bucket b: no answer")
    assert "start it" in finding.mend


def test_a_prometheus_that_is_down_or_refuses_is_one_finding():
    for error in (TemporaryError("stopped answering"), UserError("refuses us (401)")):
        (finding,) = wrong(doctor.prometheus("http://p", raising(error)))
        assert finding.found == str(error)
        assert "credentials" in finding.mend


@pytest.mark.parametrize(
    ("metric", "mend"),
    [
        ("container_cpu_usage_seconds_total", "cAdvisor"),
        ("container_memory_working_set_bytes", "cAdvisor"),
        ("kube_pod_container_resource_requests", "kube-state-metrics"),
    ],
)
def test_a_prometheus_without_a_metric_names_who_exports_it(metric, mend):
    (finding,) = wrong(doctor.prometheus("http://p", series(**{metric: 0})))
    assert metric in finding.name
    assert mend in finding.mend


def test_no_cluster_access_is_one_finding():
    (finding,) = doctor.cluster(raising(UserError("no usable cluster access")))
    assert "KUBECONFIG" in finding.mend


def test_a_cluster_that_refuses_or_is_down_is_one_finding():
    for error in (RefusedError("GET /apis: 401", 401), TemporaryError("no answer")):
        (finding,) = wrong(doctor.cluster(lambda e=error: Cluster(broken=("/apis", e))))
        assert finding.found == str(error)


def test_a_missing_crd_is_named_with_the_command():
    (finding,) = wrong(doctor.cluster(lambda: Cluster(crd=False)))
    assert "kubectl apply -f manifests/crd" in finding.mend


def test_a_cluster_too_old_to_resize_in_place_is_named():
    (finding,) = wrong(doctor.cluster(lambda: Cluster(resize=False)))
    assert "1.33" in finding.mend


@pytest.mark.parametrize(
    "right", [("patch", "multidimpodautoscalers"), ("list", "pods"), ("list", "deployments")]
)
def test_a_missing_right_is_named(right):
    (finding,) = wrong(doctor.cluster(lambda: Cluster(refused=(right,))))
    assert f"may {right[0]} {right[1]}" in finding.name
    assert "administrator" in finding.mend


def test_the_kubeconfig_is_the_one_that_kubectl_would_take(tmp_path):
    assert user_kubeconfig({"KUBECONFIG": "/a/b"}, tmp_path).name == "b"
    assert user_kubeconfig({}, tmp_path) is None
    (tmp_path / ".kube").mkdir()
    (tmp_path / ".kube" / "config").write_text("")
    assert user_kubeconfig({}, tmp_path) == tmp_path / ".kube" / "config"
