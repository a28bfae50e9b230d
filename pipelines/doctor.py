"""What `aware doctor` looks at: each check finds one thing right, or says how to mend it."""

from __future__ import annotations

import importlib.metadata
import os
import shutil
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from components.artifacts.store import Store
from components.errors import TemporaryError, UserError
from components.kubernetes_api.capabilities import discover
from components.kubernetes_api.client import KubernetesClient
from components.kubernetes_api.errors import AbsentError
from components.kubernetes_api.names import GROUP, PLURAL, VERSION
from components.workload.spec import load_workloads

PYTHON = (3, 11)
PACKAGES = ("kfp", "torch", "numba", "scipy", "kubernetes", "minio", "prometheus-api-client")
FREE_BYTES = 1 << 30
# What a person needs to look at and steer MPA objects: (verb, group, resource, subresource).
RIGHTS = (
    ("list", GROUP, PLURAL, ""),
    ("create", GROUP, PLURAL, ""),
    ("patch", GROUP, PLURAL, ""),
    ("list", "apps", "deployments", ""),
    ("list", "", "pods", ""),
)


@dataclass(frozen=True, slots=True)
class Finding:
    """One check's result; `mend` says what to do where it isn't right."""

    name: str
    right: bool
    found: str
    mend: str = ""


def _fine(name: str, found: str) -> Finding:
    return Finding(name, right=True, found=found)


def _wrong(name: str, found: str, mend: str) -> Finding:
    return Finding(name, right=False, found=found, mend=mend)


def python_version(version: Sequence[int]) -> Finding:
    """The interpreter is one that the product is tested with."""
    found = ".".join(str(part) for part in version[:3])
    wanted = ".".join(str(part) for part in PYTHON)
    right = tuple(version[:2]) >= PYTHON
    return Finding("Python", right, found, f"install Python {wanted} and make the environment anew")


def packages(version_of: Callable[[str], str] = importlib.metadata.version) -> Finding:
    """Everything that a run imports is installed."""
    missing = []
    for name in PACKAGES:
        try:
            version_of(name)
        except importlib.metadata.PackageNotFoundError:
            missing.append(name)
    found = f"{', '.join(missing)} missing" if missing else f"{len(PACKAGES)} found"
    return Finding("packages", not missing, found, "pip install -r requirements.lock")


def output_folder(path: Path) -> Finding:
    """Runs can be written, with room for them."""
    name = f"output {path}"
    parent = next(folder for folder in (path, *path.absolute().parents) if folder.exists())
    if not parent.is_dir():
        return _wrong(name, f"{parent} is a file", "give --output another folder")
    if not os.access(parent, os.W_OK):
        return _wrong(name, f"{parent} can't be written", "change its rights or --output")
    free = shutil.disk_usage(parent).free
    right = free >= FREE_BYTES
    return Finding(name, right, f"{free / (1 << 30):.1f} GiB free", "free 1 GiB at least")


def workloads_file(path: Path) -> Finding:
    """The list of workloads can be read."""
    name = f"workloads {path}"
    try:
        count = len(load_workloads(path))
    except UserError as error:
        return _wrong(name, str(error), "mend that line")
    return _fine(name, f"{count} workloads")


def store(url: str, open_: Callable[[str], Store]) -> Finding:
    """The store answers and its bundles can be listed."""
    name = f"store {url}"
    try:
        bundles = open_(url).list("policies/")
    except TemporaryError as error:
        return _wrong(name, str(error), "start it, or check its address")
    except UserError as error:
        return _wrong(name, str(error), "set what it names")
    return _fine(name, f"reached, {len(bundles)} objects of policies")


def prometheus(url: str, series_of: Callable[[str], int]) -> list[Finding]:
    """It answers and holds what cAdvisor and kube-state-metrics export.

    `series_of` returns the number of series with a metric's name; raises UserError or
    TemporaryError.
    """
    name = f"Prometheus {url}"
    wanted = {
        "container_cpu_usage_seconds_total": "let it scrape the kubelets' cAdvisor",
        "container_memory_working_set_bytes": "let it scrape the kubelets' cAdvisor",
        "kube_pod_container_resource_requests": "install kube-state-metrics and scrape it",
    }
    try:
        counts = {metric: series_of(metric) for metric in wanted}
    except (TemporaryError, UserError) as error:
        return [_wrong(name, str(error), "check address, credentials and that it runs")]
    return [_fine(name, "answers")] + [
        Finding(f"  {metric}", counts[metric] > 0, f"{counts[metric]} series", mend)
        for metric, mend in wanted.items()
    ]


def cluster(connect: Callable[[], KubernetesClient]) -> list[Finding]:
    """The API server answers, knows the CRD, resizes in place, and lets us do what we must."""
    try:
        client = connect()
        capabilities = discover(client)
    except (TemporaryError, UserError) as error:
        mend = "set KUBECONFIG, and check that the cluster runs and lets you in"
        return [_wrong("cluster", str(error), mend)]
    return [
        _fine("cluster", "answers"),
        _crd(client),
        Finding(
            "  pods/resize",
            capabilities.pods_resize,
            "served" if capabilities.pods_resize else "not served",
            "Kubernetes 1.33 resizes pods in place; older ones roll the workload instead",
        ),
        *(_right(client, right) for right in RIGHTS),
    ]


def _crd(client: KubernetesClient) -> Finding:
    try:
        resources = client.get(f"/apis/{GROUP}/{VERSION}")["resources"]
        served = any(resource["name"] == PLURAL for resource in resources)
    except AbsentError:
        served = False
    except (TemporaryError, UserError) as error:
        return _wrong("  MultidimPodAutoscaler", str(error), "run it again")
    found = "served" if served else "not served"
    return Finding("  MultidimPodAutoscaler", served, found, "kubectl apply -f manifests/crd")


def _right(client: KubernetesClient, right: tuple[str, str, str, str]) -> Finding:
    verb, group, resource, subresource = right
    attributes = {"verb": verb, "group": group, "resource": resource, "subresource": subresource}
    review = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectAccessReview",
        "spec": {"resourceAttributes": attributes},
    }
    path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
    try:
        allowed = client.create(path, review)["status"].get("allowed", False)
    except (TemporaryError, UserError) as error:
        return _wrong(f"  may {verb} {resource}", str(error), "run it again")
    found = "yes" if allowed else "no"
    mend = f"let an administrator bind a role that may {verb} {resource}"
    return Finding(f"  may {verb} {resource}", bool(allowed), found, mend)


def here(output: Path, workloads: Path | None) -> list[Finding]:
    """The checks of this machine alone."""
    findings = [python_version(sys.version_info[:3]), packages(), output_folder(output)]
    return [*findings, workloads_file(workloads)] if workloads else findings
