from __future__ import annotations

from collections.abc import Iterator

import pytest

from components.actuator.tick import Actuator
from components.kubernetes_api.capabilities import discover
from tests.cluster.acting import SETTINGS
from tests.cluster.api_server import Cluster, running_cluster
from tests.cluster.workloads import install_crd


@pytest.fixture(scope="session")
def cluster(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Cluster]:
    cache = request.config.cache
    assert cache is not None
    binaries = cache.mkdir("kube") / "bin"
    with running_cluster(binaries, tmp_path_factory.mktemp("api-server")) as running:
        install_crd(running)
        yield running


@pytest.fixture
def namespace(cluster: Cluster) -> Iterator[str]:
    yield cluster.new_namespace()
    cluster.remove_namespaces()


@pytest.fixture
def actuator(cluster: Cluster) -> Actuator:
    return Actuator(cluster.client, discover(cluster.client), SETTINGS, lambda: True)
