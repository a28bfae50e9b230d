"""Meta-training through TrainJobs on a real API server and a real S3 server, nodes by torchrun."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from components.artifacts.open import open_store
from components.errors import UserError
from components.kubernetes_api.client import Json
from components.kubernetes_api.errors import RefusedError
from components.meta_training.remote_training import Remote, train_remotely
from components.meta_training.train_job import RUNTIME, jobs_path, train_job
from components.progress import Progress
from tests.cluster.api_server import REPOSITORY, Cluster
from tests.cluster.trainer import Trainer, install_trainer, training
from tests.components.agent.stage_inputs import write_embedding
from tests.s3_server import S3Server, running_s3_server
from tests.telemetry_folders import write_telemetry_folder

MANIFESTS = REPOSITORY / "manifests" / "trainer"
ACCOUNT = "default-editor"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    with running_s3_server(tmp_path_factory.mktemp("s3")) as running:
        yield running


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("inputs")
    dataset = write_telemetry_folder(folder / "dataset", steps=160)
    write_embedding(folder / "embedding", dataset)
    return folder


@pytest.fixture
def runs(cluster: Cluster, namespace: str) -> str:
    """A namespace of runs with the product's rights in it and the Trainer's CRD on the server."""
    install_trainer(cluster)
    place = f"/api/v1/namespaces/{namespace}/serviceaccounts"
    cluster.client.create(place, {"metadata": {"name": ACCOUNT}})
    for document in yaml.safe_load_all((MANIFESTS / "access.yaml").read_text()):
        for subject in document.get("subjects", ()):
            assert (subject["name"], subject["namespace"]) == (ACCOUNT, "aware-runs")
            subject["namespace"] = namespace
        kind = f"{document['kind'].lower()}s"
        cluster.apply(f"/apis/rbac.authorization.k8s.io/v1/namespaces/{namespace}/{kind}", document)
    return namespace


def remote(cluster: Cluster, namespace: str, server: S3Server, nodes: int) -> Remote:
    url = f"minio://{server.new_bucket()}/trainings"
    store = open_store(url, server.environment())
    account = cluster.client_as(namespace, ACCOUNT)
    return Remote(account, namespace, store, url, nodes, lambda _: time.sleep(0.2))


def objects(cluster: Cluster, namespace: str) -> list[Json]:
    return cluster.client.list(jobs_path(namespace))


def test_two_nodes_train_one_policy_and_job_and_exchange_are_gone(
    cluster: Cluster, runs: str, server: S3Server, inputs: Path, tmp_path: Path
) -> None:
    given = remote(cluster, runs, server, nodes=2)
    trainer = Trainer(cluster, runs, server.environment())
    folders = (inputs / "dataset", inputs / "embedding", tmp_path / "output")
    with training(trainer):
        summary = train_remotely(given, 1, True, *folders, Progress("meta_training"))
    assert summary.decisions > 0, trainer.said
    assert {path.name for path in folders[-1].iterdir()} == {
        *("meta_policy.safetensors", "curve.json", "curve.png", "meta_training.html"),
    }
    # The server's schema dropped no field of it.
    (spec,) = trainer.specs
    assert spec == train_job("any", 2, spec["trainer"]["args"][2:])["spec"]
    assert spec["runtimeRef"]["name"] == RUNTIME
    assert objects(cluster, runs) == []
    assert given.store.list("") == []


def test_a_mistake_of_the_nodes_reaches_the_task_as_its_one_line(
    cluster: Cluster, runs: str, server: S3Server, inputs: Path, tmp_path: Path
) -> None:
    given = remote(cluster, runs, server, nodes=1)
    shutil.copytree(inputs / "embedding", tmp_path / "embedding")
    (tmp_path / "embedding" / "twins.json").write_text("{}")
    folders = (inputs / "dataset", tmp_path / "embedding", tmp_path / "output")
    with (
        training(Trainer(cluster, runs, server.environment())),
        pytest.raises(UserError, match=r"failed: .*twins\.json has no workload of the dataset"),
    ):
        train_remotely(given, 1, True, *folders, Progress("meta_training"))
    assert objects(cluster, runs) == []
    assert given.store.list("") == []


def test_the_account_may_do_what_the_task_does_and_nothing_else(
    cluster: Cluster, runs: str
) -> None:
    account = cluster.client_as(runs, ACCOUNT)
    path = jobs_path(runs)
    account.create(path, train_job("one", 1, []))
    assert account.get(f"{path}/one")["spec"]["trainer"]["numNodes"] == 1
    for refused in (
        lambda: account.list(path),
        lambda: account.patch(f"{path}/one", {"spec": {}}),
        lambda: account.list(f"/api/v1/namespaces/{runs}/secrets"),
        lambda: account.list(f"/api/v1/namespaces/{runs}/pods"),
        lambda: account.create(jobs_path("default"), train_job("two", 1, [])),
    ):
        with pytest.raises(RefusedError, match="403"):
            refused()
    account.delete(f"{path}/one")
    assert objects(cluster, runs) == []


def test_without_the_trainer_the_task_says_what_to_install(
    cluster: Cluster, server: S3Server, inputs: Path, tmp_path: Path
) -> None:
    crd = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/trainjobs.trainer.kubeflow.org"
    if cluster.exists(crd):
        cluster.client.delete(crd)
        cluster.wait_for(lambda: not cluster.exists(jobs_path("default")))
    url = f"minio://{server.new_bucket()}/trainings"
    given = Remote(cluster.client, "default", open_store(url, server.environment()), url, 1)
    folders = (inputs / "dataset", inputs / "embedding", tmp_path / "output")
    with pytest.raises(UserError, match="install Kubeflow's Trainer or leave trainer_nodes at 0"):
        train_remotely(given, 1, True, *folders, Progress("meta_training"))
