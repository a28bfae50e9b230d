"""A real API server's dry run of every object that the overlays hold."""

import pytest

from tests.cluster.monitoring_kinds import KINDS, install_monitoring_kinds
from tests.manifests.rendered import APPLIED, rendered

PATHS = {
    "Namespace": "/api/v1/namespaces",
    "ServiceAccount": "/api/v1/namespaces/{}/serviceaccounts",
    "Service": "/api/v1/namespaces/{}/services",
    "ConfigMap": "/api/v1/namespaces/{}/configmaps",
    "PersistentVolumeClaim": "/api/v1/namespaces/{}/persistentvolumeclaims",
    "Deployment": "/apis/apps/v1/namespaces/{}/deployments",
    "Job": "/apis/batch/v1/namespaces/{}/jobs",
    "PodDisruptionBudget": "/apis/policy/v1/namespaces/{}/poddisruptionbudgets",
    "NetworkPolicy": "/apis/networking.k8s.io/v1/namespaces/{}/networkpolicies",
    "Role": "/apis/rbac.authorization.k8s.io/v1/namespaces/{}/roles",
    "RoleBinding": "/apis/rbac.authorization.k8s.io/v1/namespaces/{}/rolebindings",
    "ClusterRole": "/apis/rbac.authorization.k8s.io/v1/clusterroles",
    "ClusterRoleBinding": "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings",
    "CustomResourceDefinition": "/apis/apiextensions.k8s.io/v1/customresourcedefinitions",
    **{
        kind: f"/apis/monitoring.coreos.com/v1/namespaces/{{}}/{plural}"
        for kind, plural in KINDS.items()
    },
}
# Its name is its group's, and the suite has made it: a second one of it is one in the dry run, too.
_OWN_NAME = {"CustomResourceDefinition"}


@pytest.mark.rig
@pytest.mark.parametrize("overlay", APPLIED)
def test_the_server_accepts_every_object_in_a_dry_run(cluster, namespace, overlay):
    # The user's own cluster gets no kinds from us.
    if not cluster.has_kubelets:
        install_monitoring_kinds(cluster)
    objects = [
        item
        for item in rendered(overlay)
        if item["kind"] not in KINDS or cluster.exists("/apis/monitoring.coreos.com/v1")
    ]
    assert {item["kind"] for item in objects} <= set(PATHS)
    # The same fields under the name that a server before 1.21 has for them.
    old = not cluster.exists("/apis/policy/v1")
    for item in objects:
        # A namespace of the test's own: what is installed in the user's cluster isn't in the way.
        if item["kind"] not in _OWN_NAME:
            item["metadata"]["name"] += f"-{namespace}"
        if "namespace" in item["metadata"]:
            item["metadata"]["namespace"] = namespace
        path = PATHS[item["kind"]].format(namespace)
        if old and item["kind"] == "PodDisruptionBudget":
            item["apiVersion"] = "policy/v1beta1"
            path = path.replace("policy/v1", "policy/v1beta1")
        name = item["metadata"]["name"]
        query = "?dryRun=All&fieldValidation=Strict"
        if item["kind"] in _OWN_NAME:
            answer = cluster.client.patch(f"{path}/{name}{query}", item)
        else:
            answer = cluster.client.create(path + query, item)
        assert answer["metadata"]["name"] == name
    for kind in ("Deployment", "Job", "ConfigMap"):
        kept = cluster.client.list(PATHS[kind].format(namespace))
        assert not [one for one in kept if one["metadata"]["name"].startswith("aware-")]
