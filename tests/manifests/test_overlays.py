"""What the manifests ask of a cluster: pods under the restricted profile, images by digest."""

import re

import pytest

from tests.manifests.rendered import APPLIED, rendered

SERVICES = {"aware-recommender", "aware-actuator", "aware-trigger"}
WORKLOADS = {
    "dev": {*SERVICES, "aware-minio", "minio", "prometheus"},
    "production": SERVICES,
    "store": {"aware-minio"},
}
SECCOMP = ("RuntimeDefault", "Localhost")
VOLUMES = {
    "configMap",
    "csi",
    "downwardAPI",
    "emptyDir",
    "ephemeral",
    "persistentVolumeClaim",
    "projected",
    "secret",
}


def workloads(overlay):
    return [item for item in rendered(overlay) if item["kind"] in ("Deployment", "Job")]


def breaches_of_restricted(pod):
    """The rules of Kubernetes' restricted Pod Security Standard that a pod's spec breaks."""
    found = [field for field in ("hostNetwork", "hostPID", "hostIPC") if pod.get(field)]
    found += ["volumes" for item in pod.get("volumes", []) if set(item) - {"name"} - VOLUMES]
    for container in pod["containers"] + pod.get("initContainers", []):
        found += breaches_of_a_container(pod.get("securityContext", {}), container)
    return found


def breaches_of_a_container(whole, container):
    own = container.get("securityContext", {})
    both = whole | own
    capabilities = own.get("capabilities", {})
    added = set(capabilities.get("add", []))
    broken = {
        "root": both.get("runAsNonRoot") is not True or both.get("runAsUser") == 0,
        "privileges": own.get("allowPrivilegeEscalation") is not False or own.get("privileged"),
        "capabilities": "ALL" not in capabilities.get("drop", []) or added - {"NET_BIND_SERVICE"},
        "seccomp": both.get("seccompProfile", {}).get("type") not in SECCOMP,
        "hostPort": any("hostPort" in port for port in container.get("ports", [])),
    }
    return [rule for rule, is_broken in broken.items() if is_broken]


@pytest.mark.parametrize("overlay", APPLIED)
def test_each_pod_is_admissible_under_the_restricted_profile(overlay):
    found = {
        item["metadata"]["name"]: breaches_of_restricted(item["spec"]["template"]["spec"])
        for item in workloads(overlay)
    }
    assert set(found) == WORKLOADS[overlay]
    assert not any(found.values()), found


@pytest.mark.parametrize(
    ("field", "value", "breach"),
    [
        ("runAsUser", 0, "root"),
        ("privileged", True, "privileges"),
        ("capabilities", {"drop": ["ALL"], "add": ["SYS_ADMIN"]}, "capabilities"),
        ("seccompProfile", {"type": "Unconfined"}, "seccomp"),
    ],
)
def test_a_pod_that_asks_for_more_is_found(field, value, breach):
    pod = workloads("production")[0]["spec"]["template"]["spec"]
    pod["containers"][0]["securityContext"][field] = value
    assert breaches_of_restricted(pod) == [breach]


@pytest.mark.parametrize("overlay", APPLIED)
def test_each_container_is_read_only_bounded_and_named_by_digest(overlay):
    for item in workloads(overlay):
        for container in item["spec"]["template"]["spec"]["containers"]:
            assert container["securityContext"]["readOnlyRootFilesystem"] is True
            assert {"cpu", "memory"} <= set(container["resources"]["requests"])
            assert "memory" in container["resources"]["limits"]
            assert re.search(r"@sha256:[0-9a-f]{64}$", container["image"])


@pytest.mark.parametrize("name", ["aware-recommender", "aware-actuator"])
def test_a_service_has_a_second_replica_and_one_survives_a_drain(name):
    objects = {(item["kind"], item["metadata"]["name"]): item for item in rendered("production")}
    deployment = objects["Deployment", name]["spec"]
    budget = objects["PodDisruptionBudget", name]["spec"]
    assert deployment["replicas"] == 2
    assert budget["minAvailable"] == 1
    assert budget["selector"] == deployment["selector"]
    account = deployment["template"]["spec"]["serviceAccountName"]
    assert ("ServiceAccount", account) in objects


def test_the_namespace_enforces_the_restricted_profile():
    (namespace,) = (item for item in rendered("production") if item["kind"] == "Namespace")
    labels = namespace["metadata"]["labels"]
    assert labels["pod-security.kubernetes.io/enforce"] == "restricted"


def test_the_dashboard_is_where_grafana_s_sidecar_looks():
    (found,) = [
        item
        for item in rendered("production")
        if item["kind"] == "ConfigMap" and item["metadata"]["name"] == "aware-dashboard"
    ]
    assert found["metadata"]["labels"] == {"grafana_dashboard": "1"}
    assert '"uid": "aware-autoscaling"' in found["data"]["aware.json"]
