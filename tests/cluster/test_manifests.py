"""A real API server's dry run of every object that the overlays hold."""

import pytest

from tests.manifests.rendered import rendered

PATHS = {
    "Namespace": "/api/v1/namespaces",
    "ServiceAccount": "/api/v1/namespaces/{}/serviceaccounts",
    "Service": "/api/v1/namespaces/{}/services",
    "ConfigMap": "/api/v1/namespaces/{}/configmaps",
    "PersistentVolumeClaim": "/api/v1/namespaces/{}/persistentvolumeclaims",
    "Deployment": "/apis/apps/v1/namespaces/{}/deployments",
    "PodDisruptionBudget": "/apis/policy/v1/namespaces/{}/poddisruptionbudgets",
    "NetworkPolicy": "/apis/networking.k8s.io/v1/namespaces/{}/networkpolicies",
    "Role": "/apis/rbac.authorization.k8s.io/v1/namespaces/{}/roles",
    "RoleBinding": "/apis/rbac.authorization.k8s.io/v1/namespaces/{}/rolebindings",
    "ClusterRole": "/apis/rbac.authorization.k8s.io/v1/clusterroles",
    "ClusterRoleBinding": "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings",
}
# Kinds of operators that this server hasn't installed, and a kind that the suite has created.
ELSEWHERE = {"PrometheusRule", "ServiceMonitor", "CustomResourceDefinition"}


@pytest.mark.rig
@pytest.mark.parametrize("overlay", ["dev", "production"])
def test_the_server_accepts_every_object_in_a_dry_run(cluster, namespace, overlay):
    objects = rendered(overlay)
    assert {item["kind"] for item in objects} <= set(PATHS) | ELSEWHERE
    # The same fields under the name that a server before 1.21 has for them.
    old = not cluster.exists("/apis/policy/v1")
    accepted = []
    for item in objects:
        if item["kind"] in ELSEWHERE:
            continue
        # A namespace of the test's own: what is installed in the user's cluster isn't in the way.
        item["metadata"]["name"] += f"-{namespace}"
        if "namespace" in item["metadata"]:
            item["metadata"]["namespace"] = namespace
        path = PATHS[item["kind"]].format(namespace)
        if old and item["kind"] == "PodDisruptionBudget":
            item["apiVersion"] = "policy/v1beta1"
            path = path.replace("policy/v1", "policy/v1beta1")
        query = "?dryRun=All&fieldValidation=Strict"
        answer = cluster.client.create(path + query, item)
        accepted.append(answer["metadata"]["name"])
    assert len(accepted) == len([item for item in objects if item["kind"] not in ELSEWHERE])
    assert not cluster.client.list(f"/apis/apps/v1/namespaces/{namespace}/deployments")
