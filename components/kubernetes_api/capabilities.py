"""What this API server offers, found by discovery rather than by its version."""

from __future__ import annotations

from dataclasses import dataclass

from components.kubernetes_api.client import KubernetesClient


@dataclass(frozen=True, slots=True)
class Capabilities:
    """Whether pods can be resized in place, and where the kinds that differ by release are.

    A path is empty where the server lacks the kind.
    """

    pods_resize: bool
    hpa_path: str
    vpa_path: str
    keda_path: str
    budget_version: str

    @property
    def budget_path(self) -> str:
        """Return the path of all PodDisruptionBudgets."""
        return f"/apis/{self.budget_version}/poddisruptionbudgets"


def discover(client: KubernetesClient) -> Capabilities:
    """Asks the server which groups and resources it has."""
    groups = {
        group["name"]: [version["version"] for version in group["versions"]]
        for group in client.get("/apis")["groups"]
    }
    core = {resource["name"] for resource in client.get("/api/v1")["resources"]}
    return Capabilities(
        pods_resize="pods/resize" in core,
        hpa_path=_path(groups, "autoscaling", ("v2", "v1"), "horizontalpodautoscalers"),
        vpa_path=_served(client, groups, "autoscaling.k8s.io", "v1", "verticalpodautoscalers"),
        keda_path=_path(groups, "keda.sh", ("v1alpha1",), "scaledobjects"),
        budget_version=(
            "policy/v1"
            if "v1" in groups.get("policy", ()) and _evicts_with_v1(client)
            else "policy/v1beta1"
        ),
    )


def _path(groups: dict[str, list[str]], group: str, versions: tuple[str, ...], plural: str) -> str:
    offered = [version for version in versions if version in groups.get(group, ())]
    return f"/apis/{group}/{offered[0]}/{plural}" if offered else ""


def _served(
    client: KubernetesClient, groups: dict[str, list[str]], group: str, version: str, plural: str
) -> str:
    # Our own CRD is in the VPA's group: the group alone says nothing.
    path = _path(groups, group, (version,), plural)
    if not path:
        return ""
    resources = client.get(f"/apis/{group}/{version}")["resources"]
    return path if any(resource["name"] == plural for resource in resources) else ""


def _evicts_with_v1(client: KubernetesClient) -> bool:
    resources = client.get("/apis/policy/v1")["resources"]
    return any(resource["name"] == "poddisruptionbudgets" for resource in resources)
