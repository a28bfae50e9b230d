"""The Prometheus operator's kinds on a server of the rig, which then takes any field of them.

What their fields may be, tests/manifests/test_schemas.py checks.
"""

from __future__ import annotations

from tests.cluster.api_server import Cluster

KINDS = {"PrometheusRule": "prometheusrules", "ServiceMonitor": "servicemonitors"}
_GROUP = "monitoring.coreos.com"
_DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"


def install_monitoring_kinds(cluster: Cluster) -> None:
    """Make the kinds, and wait until the server serves them."""
    for kind, plural in KINDS.items():
        anything = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
        version = {
            "name": "v1",
            "served": True,
            "storage": True,
            "schema": {"openAPIV3Schema": anything},
        }
        definition = {
            "apiVersion": "apiextensions.k8s.io/v1",
            "kind": "CustomResourceDefinition",
            "metadata": {"name": f"{plural}.{_GROUP}"},
            "spec": {
                "group": _GROUP,
                "names": {"kind": kind, "plural": plural, "singular": kind.lower()},
                "scope": "Namespaced",
                "versions": [version],
            },
        }
        if not cluster.exists(f"{_DEFINITIONS}/{plural}.{_GROUP}"):
            cluster.client.create(_DEFINITIONS, definition)
    for plural in KINDS.values():
        cluster.wait_for(lambda plural=plural: cluster.exists(f"/apis/{_GROUP}/v1/{plural}"))
