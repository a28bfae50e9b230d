"""The trigger, the runs' namespace and MinIO's set-up: what is installed beside an overlay."""

import pytest

from pipelines.trigger import read_parameters
from tests.manifests.rendered import APPLIED, MANIFESTS, rendered, rendered_folder


def pods(name):
    return [
        item["spec"]["template"]["spec"]
        for item in rendered_folder(MANIFESTS / name)
        if item["kind"] in ("Deployment", "Job")
    ]


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


@pytest.mark.parametrize("overlay", ["dev", "production"])
def test_the_trigger_s_container_is_given_a_file_of_parameters_that_it_takes(overlay, tmp_path):
    objects = {(item["kind"], item["metadata"]["name"]): item for item in rendered(overlay)}
    pod = objects["Deployment", "aware-trigger"]["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    (mount,) = [one for one in container["volumeMounts"] if one["name"] == "parameters"]
    (volume,) = [one for one in pod["volumes"] if one["name"] == "parameters"]
    (item,) = volume["configMap"]["items"]
    assert f"--parameters={mount['mountPath']}/{item['path']}" in container["args"]
    settings = objects["ConfigMap", volume["configMap"]["name"]]["data"]
    path = tmp_path / "parameters.yaml"
    path.write_text(settings[item["key"]])
    given = read_parameters(path)
    assert {"reference", "earlier_embedding", "meta_policy", "earlier_validation"} <= set(given)
    # Runs, their launcher's settings and the right to start them are in one namespace.
    assert {
        one["metadata"]["namespace"]
        for (kind, name), one in objects.items()
        if (kind, name) in (("ConfigMap", "kfp-launcher"), ("RoleBinding", "aware-trigger"))
    } == {settings["namespace"]}


def test_argo_cd_follows_an_overlay_that_is_there():
    (application,) = rendered("argocd")
    folder = MANIFESTS.parent / application["spec"]["source"]["path"]
    assert folder.name in APPLIED
    assert (folder / "kustomization.yaml").is_file()
