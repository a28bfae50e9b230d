"""`make secrets`, `make deploy` and `make undeploy` on a server that admits restricted pods only.

The rig's server is older than Pod Security Admission: its PodSecurityPolicy asks for what the
restricted profile does, and a root that can't be written besides. tests/manifests/ holds the pods
against the profile's own list.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.cluster.api_server import OWN_CLUSTER, REPOSITORY, Cluster, running_cluster
from tests.cluster.monitoring_kinds import install_monitoring_kinds
from tests.manifests.rendered import rendered

POLICY = {
    "apiVersion": "policy/v1beta1",
    "kind": "PodSecurityPolicy",
    "metadata": {
        "name": "restricted",
        "annotations": {
            "seccomp.security.alpha.kubernetes.io/allowedProfileNames": "runtime/default"
        },
    },
    "spec": {
        "privileged": False,
        "allowPrivilegeEscalation": False,
        "requiredDropCapabilities": ["ALL"],
        "volumes": ["configMap", "emptyDir", "persistentVolumeClaim", "projected", "secret"],
        "runAsUser": {"rule": "MustRunAsNonRoot"},
        "seLinux": {"rule": "RunAsAny"},
        "supplementalGroups": {"rule": "RunAsAny"},
        "fsGroup": {"rule": "RunAsAny"},
        "readOnlyRootFilesystem": True,
    },
}
PLAIN_POD = {
    "metadata": {"name": "plain"},
    "spec": {"containers": [{"name": "one", "image": "one", "securityContext": {"runAsUser": 0}}]},
}
# What apply says of objects that a server before 1.21 has under another version.
OLD_VERSION = """#!/bin/sh
case "$*" in
*" -k "*)
	for folder; do :; done
	{kubectl} kustomize "$folder" | sed 's#^apiVersion: policy/v1$#apiVersion: policy/v1beta1#' |
		{kubectl} $(echo "$*" | sed "s# -k .*##") -f -
	;;
*) exec {kubectl} "$@" ;;
esac
"""


@dataclass(frozen=True)
class User:
    """Somebody with this repository, a kubeconfig and kubectl."""

    cluster: Cluster
    environment: dict[str, str]

    def make(self, *arguments: str) -> str:
        done = subprocess.run(
            ["make", "--no-print-directory", *arguments],
            cwd=REPOSITORY, env=self.environment, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout

    def pods(self, namespace: str) -> list[dict]:
        return self.cluster.client.list(f"/api/v1/namespaces/{namespace}/pods")


@pytest.fixture(scope="module")
def user(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[User]:
    kubectl = shutil.which("kubectl")
    if kubectl is None:
        pytest.skip("kubectl is not installed: it deploys the overlays")
    binaries = request.config.cache.mkdir("kube") / "bin"
    folder = tmp_path_factory.mktemp("restricted")
    with pytest.MonkeyPatch.context() as patch:
        # Never the user's own: all of it is taken away again.
        patch.delenv(OWN_CLUSTER, raising=False)
        patch.setenv("APIEXTRA", "--enable-admission-plugins=PodSecurityPolicy")
        with running_cluster(binaries, folder) as cluster:
            install_monitoring_kinds(cluster)
            cluster.client.create("/apis/policy/v1beta1/podsecuritypolicies", POLICY)
            shim = folder / "bin" / "kubectl"
            shim.parent.mkdir()
            shim.write_text(OLD_VERSION.replace("{kubectl}", kubectl))
            shim.chmod(0o755)
            yield User(
                cluster,
                {
                    **os.environ,
                    "KUBECONFIG": str(cluster.kubeconfig),
                    "PATH": f"{shim.parent}:{os.environ['PATH']}",
                },
            )


def workloads(overlay: str) -> dict[str, dict]:
    return {
        item["metadata"]["name"]: item["spec"]
        for item in rendered(overlay)
        if item["kind"] in ("Deployment", "Job")
    }


@pytest.mark.rig
def test_a_pod_that_is_not_restricted_is_refused_there(user: User) -> None:
    namespace = user.cluster.new_namespace()
    with pytest.raises(Exception, match="running with the root UID is forbidden"):
        user.cluster.client.create(f"/api/v1/namespaces/{namespace}/pods", PLAIN_POD)


@pytest.mark.rig
@pytest.mark.parametrize("overlay", ["dev", "production"])
def test_deployed_once_or_twice_it_is_admitted_whole_and_goes_without_a_trace(
    user: User, overlay: str
) -> None:
    user.make("secrets")
    # Passwords that are in use stay.
    again = user.make("secrets").splitlines()
    assert "secret/aware-minio-users is there" in again
    assert not [line for line in again if line.endswith("created")]
    user.make("deploy", f"OVERLAY={overlay}")
    wanted = workloads(overlay)
    expected = sum(spec.get("replicas", 1) for spec in wanted.values())
    user.cluster.wait_for(lambda: len(user.pods("aware-system")) == expected)
    for pod in user.pods("aware-system"):
        name = pod["metadata"]["labels"]["app.kubernetes.io/name"]
        template = wanted[name]["template"]["spec"]
        assert pod["metadata"]["annotations"]["kubernetes.io/psp"] == "restricted"
        # Admission adds what is missing: nothing was.
        for given, sent in zip(pod["spec"]["containers"], template["containers"], strict=True):
            assert given["securityContext"] == sent["securityContext"]
    user.make("deploy", f"OVERLAY={overlay}")
    assert len(user.pods("aware-system")) == expected
    user.make("undeploy", f"OVERLAY={overlay}")
    assert not user.cluster.exists("/api/v1/namespaces/aware-system")
    left = user.cluster.client.list("/api/v1/namespaces/aware-runs/configmaps")
    assert not [one for one in left if one["metadata"]["name"] == "kfp-launcher"]
