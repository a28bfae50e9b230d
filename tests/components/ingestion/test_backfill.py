"""Backfill and increments on a real Prometheus: killed in the middle, continued, and the same."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from components.artifacts.local import LocalStore
from components.artifacts.open import open_store
from components.errors import TemporaryError
from components.ingestion import backfill
from components.ingestion.backfill import Patience, fill
from components.ingestion.config import IngestionConfig
from components.ingestion.journal import Journal
from components.ingestion.stage import run
from components.ingestion.stored_journal import StoredJournal
from components.metrics.grid import Grid, grid_between
from components.metrics.piece import Piece
from components.metrics.prometheus import PrometheusClient
from components.metrics.scrape import pieces_of
from components.progress import Progress
from components.workload.shard import parse_shard
from components.workload.spec import Workload, load_workloads
from tests.components.ingestion.shop_history import END, START, shop_history, write_workloads
from tests.prometheus_server import PrometheusServer
from tests.s3_server import S3Server, running_s3_server

FIRST_MS, LAST_MS = 1_767_225_900_000, 1_767_227_385_000  # START and END
WINDOW = 10
MIDDLE = "2026-01-01T00:17:30Z"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrometheusServer]:
    server = PrometheusServer(tmp_path_factory.mktemp("prometheus"), shop_history())
    try:
        server.start()
        yield server
    finally:
        server.stop()


@pytest.fixture
def s3(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[S3Server]:
    (tmp_path / "s3").mkdir()
    with running_s3_server(tmp_path / "s3") as running:
        for name, value in running.environment().items():
            monkeypatch.setenv(name, value)
        yield running


@pytest.fixture(autouse=True)
def small_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backfill, "MOST_STEPS", WINDOW)


def _config(
    server: PrometheusServer, folder: Path, start: str = START, end: str = END, journal: str = ""
) -> IngestionConfig:
    workloads = folder / "workloads.yaml"
    if not workloads.exists():
        write_workloads(folder)
    return IngestionConfig(
        prometheus_url=server.url,
        workloads=str(workloads),
        start=start,
        end=end,
        journal=str(folder / journal) if journal else "",
    )


def _ingest(config: IngestionConfig, output: Path) -> dict[str, bytes]:
    run(config, output, Progress("ingestion"))
    return _content(output)


def _content(output: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(output)): path.read_bytes()
        for path in sorted(output.rglob("*"))
        if path.is_file()
    }


def _windows(journal: Path) -> set[str]:
    return {path.name for path in journal.glob("*.arrow")}


@pytest.mark.parametrize(
    ("series", "steps"),
    [(1, 5760), (43, 5760), (44, 2880), (500, 360), (2500, 90), (30_000, 45)],
)
def test_windows_are_shorter_the_more_series_an_answer_holds(
    monkeypatch: pytest.MonkeyPatch, series: int, steps: int
) -> None:
    monkeypatch.setattr(backfill, "MOST_STEPS", 5760)
    assert backfill.window_steps(series) == steps


@pytest.fixture(scope="module")
def whole(server: PrometheusServer, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """The dataset in one go, in one window."""
    folder = tmp_path_factory.mktemp("whole")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(backfill, "MOST_STEPS", 1000)
        content = _ingest(_config(server, folder), folder / "dataset")
    assert len(content) == 5
    return content


def test_in_windows_it_is_the_same_as_in_one_go(
    server: PrometheusServer, whole: dict[str, bytes], tmp_path: Path
) -> None:
    assert _ingest(_config(server, tmp_path, journal="journal"), tmp_path / "dataset") == whole
    assert len(_windows(tmp_path / "journal")) == 10


def test_increments_ask_for_what_is_new_only_and_add_up_to_the_same(
    server: PrometheusServer, whole: dict[str, bytes], tmp_path: Path
) -> None:
    journal = tmp_path / "journal"
    _ingest(_config(server, tmp_path, end=MIDDLE, journal="journal"), tmp_path / "dataset")
    before = _windows(journal)
    assert _ingest(_config(server, tmp_path, journal="journal"), tmp_path / "dataset") == whole
    after = _windows(journal)
    middle_ms = FIRST_MS + 50 * 15_000
    assert before < after
    assert all(int(name.split("-")[0]) > middle_ms for name in after - before)
    # Once more: nothing is asked for, and nothing changes.
    assert _ingest(_config(server, tmp_path, journal="journal"), tmp_path / "dataset") == whole
    assert _windows(journal) == after


def test_a_later_start_forgets_what_is_no_longer_asked_for(
    server: PrometheusServer, tmp_path: Path
) -> None:
    _ingest(_config(server, tmp_path, journal="journal"), tmp_path / "dataset")
    later = _config(server, tmp_path, start=MIDDLE, journal="journal")
    content = _ingest(later, tmp_path / "dataset")
    assert len(_windows(tmp_path / "journal")) == 5
    fresh = _ingest(_config(server, tmp_path, start=MIDDLE), tmp_path / "fresh")
    assert content == fresh


class Killing:
    """Asks a real server, which it kills before the third window; sleeping starts it again."""

    def __init__(self, server: PrometheusServer) -> None:
        self._server = server
        self._client = PrometheusClient(server.url, 5.0, backoff_s=0.01)
        self.asked: list[int] = []

    def ask(
        self, workloads: Sequence[Workload], grid: Grid, tell: Callable[[str], None]
    ) -> dict[str, Piece]:
        self.asked.append(grid.first_ms)
        if len(self.asked) == 3:
            tell = self._killing(tell)
        return pieces_of(self._client, workloads, grid, 60, streams=2, tell=tell)

    def _killing(self, tell: Callable[[str], None]) -> Callable[[str], None]:
        def told(what: str) -> None:
            if what == "container_memory_working_set_bytes":
                self._server.kill()
            tell(what)

        return told

    def sleep(self, _seconds: float) -> None:
        self._server.start()


def test_a_prometheus_killed_in_the_middle_and_started_again_leaves_no_trace(
    server: PrometheusServer, whole: dict[str, bytes], tmp_path: Path
) -> None:
    config = _config(server, tmp_path, journal="journal")
    workloads = load_workloads(Path(config.workloads))
    grid = grid_between(FIRST_MS, LAST_MS)
    killing = Killing(server)
    journal = Journal(tmp_path / "journal", server.url.removeprefix("http://"), 60)
    told: list[str] = []
    patience = Patience(60.0, sleep=killing.sleep)
    asked = fill(
        journal, killing.ask, workloads, grid, 3, patience, lambda *given: told.append(given[2])
    )
    assert asked == 10
    # The third window was asked for twice, no other one.
    assert len(killing.asked) == 11
    assert killing.asked[2] == killing.asked[3]
    assert any(what.startswith("waiting: ") for what in told)
    assert _ingest(config, tmp_path / "dataset") == whole


def test_without_patience_the_run_ends_and_the_next_one_goes_on(
    server: PrometheusServer, whole: dict[str, bytes], tmp_path: Path
) -> None:
    config = _config(server, tmp_path, journal="journal")
    workloads = load_workloads(Path(config.workloads))
    killing = Killing(server)
    journal = Journal(tmp_path / "journal", server.url.removeprefix("http://"), 60)
    with pytest.raises(TemporaryError, match="stopped answering"):
        fill(
            journal,
            killing.ask,
            workloads,
            grid_between(FIRST_MS, LAST_MS),
            3,
            Patience(0.0),
            lambda *_: None,
        )
    assert len(_windows(tmp_path / "journal")) == 2
    server.start()
    assert _ingest(config, tmp_path / "dataset") == whole


_RUN = """
import sys
from pathlib import Path
from components.ingestion import backfill, stage
from components.ingestion.config import IngestionConfig
from components.progress import Progress
backfill.MOST_STEPS = 10
url, workloads, start, end, journal, output = sys.argv[1:]
config = IngestionConfig(
    prometheus_url=url, workloads=workloads, start=start, end=end, journal=journal
)
stage.run(config, Path(output), Progress("ingestion"))
"""


def test_a_run_killed_in_the_middle_goes_on_where_it_was(
    server: PrometheusServer, whole: dict[str, bytes], tmp_path: Path
) -> None:
    config = _config(server, tmp_path, journal="journal")
    journal, output = tmp_path / "journal", tmp_path / "dataset"
    words = [config.prometheus_url, config.workloads, START, END, config.journal, str(output)]
    process = subprocess.Popen([sys.executable, "-c", _RUN, *words], cwd=Path.cwd())
    while len(_windows(journal)) < 3:
        assert process.poll() is None, "it ended before it could be killed"
        time.sleep(0.002)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    kept = _windows(journal)
    assert 3 <= len(kept) < 10
    assert not output.exists()
    stamps = {name: (journal / name).stat().st_mtime_ns for name in kept}
    assert _ingest(config, output) == whole
    assert {name: (journal / name).stat().st_mtime_ns for name in kept} == stamps
    assert sorted(path.name for path in tmp_path.iterdir() if ".partial" in path.name) == []


def test_in_a_store_increments_by_pods_that_share_no_disk_ask_for_what_is_new_only(
    server: PrometheusServer, whole: dict[str, bytes], tmp_path: Path, s3: S3Server
) -> None:
    """The first pod dies after three windows; of the others each has a folder of its own."""
    journal = f"minio://{s3.new_bucket()}/aware/journal"
    store = open_store(f"{journal}/1-of-1", s3.environment())
    config = replace(_config(server, tmp_path), journal=journal)
    asked: list[int] = []

    def dying(*given: Any, **told: Any) -> dict[str, Piece]:
        asked.append(given[2].first_ms)
        if len(asked) == 4:
            raise KeyboardInterrupt
        return pieces_of(*given, **told)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("components.ingestion.server.pieces_of", dying)
        with pytest.raises(KeyboardInterrupt):
            _ingest(replace(config, end=MIDDLE), tmp_path / "first")
        assert len(store.list("")) == 1 + 3
        _ingest(replace(config, end=MIDDLE), tmp_path / "second")
        assert _ingest(config, tmp_path / "third") == whole
        kept = store.list("")
        assert len(asked) == len(set(asked)) + 1  # the one in which the first pod died
        assert _ingest(config, tmp_path / "fourth") == whole
        assert len(asked) == len(kept)
    assert store.list("") == kept
    _ingest(replace(config, start=MIDDLE), tmp_path / "later")
    middle_ms = FIRST_MS + 50 * 15_000
    assert store.list("") == [name for name in kept if _last_ms(name) >= middle_ms]


def _last_ms(name: str) -> float:
    """When a window's last step is; a journal's other file is of all times."""
    first, steps, *_ = name.split("-") if name.endswith(".arrow") else ("inf", "1")
    return float(first) + 15_000 * (int(steps) - 1)


def test_of_two_pods_that_ask_for_one_window_the_first_ones_answer_stays(tmp_path: Path) -> None:
    stored = StoredJournal(LocalStore(tmp_path / "store"), parse_shard("2/5"))
    for folder, content in (("one", b"first"), ("two", b"second")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "0-10-ab.arrow").write_bytes(content)
        stored.put(tmp_path / folder / "0-10-ab.arrow")
    stored.fetch(tmp_path / "third")
    assert (tmp_path / "third" / "0-10-ab.arrow").read_bytes() == b"first"
    other = StoredJournal(stored.store, parse_shard("1/5"))
    other.fetch(tmp_path / "fourth")
    assert not (tmp_path / "fourth").exists()
