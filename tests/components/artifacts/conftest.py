"""The stores that every promise of a store is tested on: a folder, and a real S3 server."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from components.artifacts.open import open_store
from components.artifacts.store import Store
from tests.s3_server import S3Server, running_s3_server


@pytest.fixture(scope="module")
def s3_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    with running_s3_server(tmp_path_factory.mktemp("s3")) as server:
        yield server


@pytest.fixture(params=["local", "minio"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    if request.param == "local":
        return open_store(str(tmp_path / "store"), {})
    server: S3Server = request.getfixturevalue("s3_server")
    return open_store(f"minio://{server.new_bucket()}/team/a", server.environment())
