"""Ten triggers at the same moment, each a process' own, lead to one run; in a folder and on S3."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from components.artifacts.open import open_store
from components.errors import TemporaryError
from pipelines.trigger_book import Firing, TriggerBook, run_of
from tests.s3_server import S3Server, running_s3_server

TRIGGERS = 10
NOW_S = 1_000_000.0


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    with running_s3_server(tmp_path_factory.mktemp("s3")) as running:
        yield running


class Kubeflow:
    """Starts what it is asked to; it takes a while, so that others ask meanwhile."""

    def __init__(self) -> None:
        self.started: list[str] = []

    def start(self, name: str) -> None:
        time.sleep(0.05)
        self.started.append(name)


@pytest.mark.parametrize("kind", ["folder", "s3"])
@pytest.mark.parametrize("same", [True, False])
def test_ten_triggers_at_once_start_one_run(
    request: pytest.FixtureRequest, tmp_path: Path, kind: str, same: bool
) -> None:
    url, environment = str(tmp_path), {}
    if kind == "s3":
        server: S3Server = request.getfixturevalue("server")
        url, environment = f"minio://{server.new_bucket()}/aware", server.environment()
    kubeflow, together = Kubeflow(), threading.Barrier(TRIGGERS)

    def trigger(number: int) -> None:
        store = open_store(url, environment)
        book = TriggerBook(store, kubeflow, lambda: NOW_S, f"trigger-{number}")
        firings = [Firing("same" if same else f"alert-{number}", "2026-11-01T00:00:00Z")]
        together.wait()
        while True:
            try:
                book.take(firings)
                return
            except TemporaryError:
                time.sleep(0.05)  # Alertmanager asks again

    with ThreadPoolExecutor(TRIGGERS) as pool:
        list(pool.map(trigger, range(TRIGGERS)))
    name = f"retraining-by-alert-{int(NOW_S // 900.0)}"
    assert kubeflow.started == [name]
    store = open_store(url, environment)
    told = {"same"} if same else {f"alert-{number}" for number in range(TRIGGERS)}
    assert {run_of(store, Firing(one, "2026-11-01T00:00:00Z")) for one in told} == {name}
