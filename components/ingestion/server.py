"""Telemetry from a Prometheus: what to ask for, asked into the journal, and read from there."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

from components.artifacts.open import open_store
from components.errors import UserError
from components.ingestion.backfill import Patience, fill, taken_from
from components.ingestion.config import IngestionConfig, time_range
from components.ingestion.journal import Journal
from components.ingestion.quality import FEWEST_STEPS
from components.ingestion.stored_journal import StoredJournal
from components.metrics.grid import Grid, grid_between
from components.metrics.piece import Piece
from components.metrics.prometheus import PrometheusClient
from components.metrics.queries import size_query
from components.metrics.scrape import has_native_histograms, pieces_of
from components.metrics.session import access_from
from components.metrics.sources import Taken
from components.progress import Progress
from components.workload.shard import parse_shard
from components.workload.spec import Workload
from components.workload.telemetry import STEP_S


def take_from_server(
    config: IngestionConfig, workloads: Sequence[Workload], folder: Path, progress: Progress
) -> Iterator[Taken]:
    """Yield what the config's Prometheus says of each workload, once all of it is in the journal.

    Without a journal of the user's in a folder, it lies in `folder` meanwhile. Raises UserError for
    a server that can't be asked, TemporaryError for one that goes on failing.
    """
    access = access_from(os.environ)
    client = PrometheusClient(config.prometheus_url, config.timeout_s, access=access)
    journal = _journal(config, folder)
    try:
        client.check()
        grid = _grid(config, client.clock_ms())
        native = has_native_histograms(client, workloads)

        def ask(
            asked: Sequence[Workload], window: Grid, tell: Callable[[str], None]
        ) -> dict[str, Piece]:
            return pieces_of(
                client,
                asked,
                window,
                config.rate_window_s,
                native=native,
                streams=config.streams,
                tell=tell,
            )

        fill(
            journal,
            ask,
            workloads,
            grid,
            _series(client, workloads, grid),
            Patience(config.patience_s),
            lambda done, total, what: progress.update(done, total + 1, what),
        )
    finally:
        client.close()
    journal.forget_before(grid.first_ms)
    yield from taken_from(journal, workloads, grid, config.rate_window_s)


def _journal(config: IngestionConfig, folder: Path) -> Journal:
    server = _server(config.prometheus_url)
    if "://" in config.journal:
        stored = StoredJournal(open_store(config.journal, os.environ), parse_shard(config.shard))
        return Journal(folder, server, config.rate_window_s, stored)
    return Journal(Path(config.journal or folder), server, config.rate_window_s)


def _grid(config: IngestionConfig, clock_ms: int | None) -> Grid:
    """Return the steps to ask for, up to now by the server's clock: ours may be another."""
    now = datetime.now(UTC) if clock_ms is None else datetime.fromtimestamp(clock_ms / 1000, UTC)
    start, end = time_range(config, now)
    grid = grid_between(round(start.timestamp() * 1000), round(end.timestamp() * 1000))
    if grid.steps < FEWEST_STEPS:
        raise UserError(
            f"start to end holds {grid.steps} steps of {STEP_S} s; ask for at least {FEWEST_STEPS}"
        )
    return grid


def _series(client: PrometheusClient, workloads: Sequence[Workload], grid: Grid) -> int:
    """Return how many series an answer holds: a container each, and a workload each at least."""
    counted = client.at(size_query(workloads).text, grid.last_ms)
    return max(len(workloads), *(int(one.values[0]) for one in counted), 1)


def _server(url: str) -> str:
    """Return how a journal names the server: without credentials."""
    parts = urlsplit(url)
    return f"{parts.netloc.rpartition('@')[2]}{parts.path.rstrip('/')}"
