"""The trigger, the runs' namespace and MinIO's set-up: what is installed beside an overlay."""

import re

import pytest

from tests.manifests.rendered import MANIFESTS, rendered_folder
from tests.manifests.test_overlays import breaches_of_restricted


def pods(name):
    return [
        item["spec"]["template"]["spec"]
        for item in rendered_folder(MANIFESTS / name)
        if item["kind"] in ("Deployment", "Job")
    ]


@pytest.mark.parametrize("name", ["trigger", "minio"])
def test_each_pod_is_restricted_read_only_bounded_and_named_by_digest(name):
    (pod,) = pods(name)
    assert breaches_of_restricted(pod) == []
    assert pod["automountServiceAccountToken"] is False
    (container,) = pod["containers"]
    assert container["securityContext"]["readOnlyRootFilesystem"] is True
    assert "memory" in container["resources"]["limits"]
    assert re.search(r"@sha256:[0-9a-f]{64}$", container["image"])


def test_the_trigger_is_probed_and_knows_kubeflow_by_a_token_of_its_audience():
    (pod,) = pods("trigger")
    (container,) = pod["containers"]
    assert {"startupProbe", "livenessProbe", "readinessProbe"} <= set(container)
    (source,) = [one["projected"]["sources"][0] for one in pod["volumes"] if "projected" in one]
    assert source["serviceAccountToken"]["audience"] == "pipelines.kubeflow.org"


def test_the_runs_write_to_a_bucket_that_the_set_up_makes():
    (launcher,) = [
        one for one in rendered_folder(MANIFESTS / "kubeflow") if one["kind"] == "ConfigMap"
    ]
    bucket = launcher["data"]["defaultPipelineRoot"].removeprefix("minio://").split("/")[0]
    assert f" {bucket};" in (MANIFESTS / "minio" / "set-up.sh").read_text()
