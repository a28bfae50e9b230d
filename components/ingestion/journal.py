"""What a Prometheus has said already, kept on disk: interrupted, ingestion goes on from there.

A journal is a folder. Each window that was asked for is one file, complete or absent: Arrow's
stream of a batch a workload (PIECE_COLUMNS), and beside each batch its readings and what was met.
A file says for which workloads it is, by a digest of all that their answers depend on; so a changed
specification is asked for again, and only that one.
"""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from components.artifacts.files import read_json, write_bytes, write_json
from components.errors import UserError
from components.ingestion.stored_journal import StoredJournal
from components.metrics.counters import Reading
from components.metrics.grid import STEP_MS, Grid
from components.metrics.images import Running
from components.metrics.met import met_of
from components.metrics.piece import PIECE_COLUMNS, Piece
from components.workload.spec import Workload

# Of what a piece says and of the queries that it is made from: raise it when either changes.
FORMAT = 3
_ABOUT = "journal.json"
_SUFFIX = ".arrow"
_SCHEMA = pa.schema([pa.field(column, pa.float64()) for column in PIECE_COLUMNS])


@dataclass(frozen=True, slots=True)
class _Window:
    path: Path
    grid: Grid
    positions: Mapping[str, int]


class Journal:
    """The windows of one Prometheus in a folder.

    `rate_window_s` is what rates are taken over. With `stored` the folder is a copy of what a store
    keeps. Raises UserError for a journal that holds another server's windows.
    """

    def __init__(
        self, folder: Path, server: str, rate_window_s: int, stored: StoredJournal | None = None
    ) -> None:
        self._folder = folder
        self._stored = stored
        if stored is not None:
            stored.fetch(folder)
        self._rate_window_s = rate_window_s
        self._server = server
        about = folder / _ABOUT
        if about.exists() and (known := read_json(about).get("server")) != server:
            raise UserError(
                f"{folder} is the journal of {known}, not of {server}; give another folder"
            )
        found = (_window(path) for path in folder.glob(f"*{_SUFFIX}"))
        self._windows = sorted(
            (window for window in found if window is not None),
            key=lambda window: (window.grid.first_ms, window.path.name),
        )

    def missing(
        self, workloads: Sequence[Workload], grid: Grid, most_steps: int
    ) -> list[tuple[Grid, tuple[Workload, ...]]]:
        """Return the windows still to be asked for, in order, each with its workloads.

        None is longer than `most_steps`, and all but those at an end begin at a multiple of it, so
        that another day's windows lie like this day's.
        """
        lacking: defaultdict[tuple[int, int], list[Workload]] = defaultdict(list)
        for workload in workloads:
            digest = self._digest(workload)
            known = [window.grid for window in self._windows if digest in window.positions]
            for hole in _uncovered(grid, known):
                for window in _aligned(hole, most_steps):
                    lacking[(window.first_ms, window.steps)].append(workload)
        return [(Grid(*place), tuple(lacking[place])) for place in sorted(lacking)]

    def keep(self, grid: Grid, pieces: Mapping[Workload, Piece]) -> None:
        """Write the window's pieces, complete or not at all."""
        # Only now: an address that never answered must not claim the folder.
        if not (self._folder / _ABOUT).exists():
            write_json(self._folder / _ABOUT, {"server": self._server})
            self._put(self._folder / _ABOUT)
        positions = {self._digest(workload): index for index, workload in enumerate(pieces)}
        about = {"first_ms": grid.first_ms, "steps": grid.steps, "positions": positions}
        sink = pa.BufferOutputStream()
        options = pa.ipc.IpcWriteOptions(compression="zstd")
        schema = _SCHEMA.with_metadata({"about": json.dumps(about)})
        with pa.ipc.new_file(sink, schema, options=options) as file:
            for piece in pieces.values():
                batch = pa.record_batch([piece.columns[name] for name in PIECE_COLUMNS], schema)
                file.write_batch(batch, custom_metadata={"beside": _beside(piece)})
        text = json.dumps(sorted(positions)).encode()
        name = f"{grid.first_ms}-{grid.steps}-{hashlib.sha256(text).hexdigest()[:16]}{_SUFFIX}"
        path = self._folder / name
        write_bytes(path, sink.getvalue().to_pybytes())
        self._put(path)
        self._windows.append(_Window(path, grid, positions))
        self._windows.sort(key=lambda window: (window.grid.first_ms, window.path.name))

    def pieces(self, workloads: Sequence[Workload], grid: Grid) -> dict[str, list[Piece]]:
        """Return the kept pieces that touch the grid, by workload key and in order of time."""
        digests = {workload.key: self._digest(workload) for workload in workloads}
        found: dict[str, list[Piece]] = {key: [] for key in digests}
        for window in self._windows:
            if window.grid.last_ms < grid.first_ms or window.grid.first_ms > grid.last_ms:
                continue
            with pa.memory_map(str(window.path)) as source:
                file = pa.ipc.open_file(source)
                for key, digest in digests.items():
                    if digest in window.positions:
                        found[key].append(_piece(file, window.positions[digest], window.grid))
        return found

    def forget_before(self, first_ms: int) -> None:
        """Remove the windows that end before the time."""
        gone = [window for window in self._windows if window.grid.last_ms < first_ms]
        for window in gone:
            window.path.unlink(missing_ok=True)
            if self._stored is not None:
                self._stored.forget(window.path.name)
            self._windows.remove(window)

    def _put(self, path: Path) -> None:
        if self._stored is not None:
            self._stored.put(path)

    def _digest(self, workload: Workload) -> str:
        """Return a digest of what the workload's answers depend on."""
        asked = {
            "format": FORMAT,
            "rate_window_s": self._rate_window_s,
            "namespace": workload.namespace,
            "name": workload.name,
            "kind": workload.kind,
            "container": workload.container,
            "latency_percentile": workload.slo.latency_percentile,
            "metrics": asdict(workload.metrics),
        }
        return hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()[:32]


def _window(path: Path) -> _Window | None:
    """Return what the file is of; None where another run that shares the journal removed it."""
    try:
        with pa.memory_map(str(path)) as source:
            about = json.loads(pa.ipc.open_file(source).schema.metadata[b"about"])
        return _Window(path, Grid(about["first_ms"], about["steps"]), about["positions"])
    except FileNotFoundError:
        return None
    except (OSError, pa.ArrowException, ValueError, KeyError, TypeError) as error:
        raise UserError(f"{path} is no window of a journal; remove it and run again") from error


def _beside(piece: Piece) -> str:
    read = [[one.measure, one.pod, one.time_ms, one.value, one.flagged] for one in piece.readings]
    images = [[one.time_ms, sorted(one.images)] for one in piece.images]
    value = {"readings": read, "met": piece.met.to_json(), "images": images}
    return json.dumps(value, sort_keys=True)


def _piece(file: Any, position: int, grid: Grid) -> Piece:
    batch, beside = file.get_batch_with_custom_metadata(position)
    said = json.loads(beside[b"beside"])
    columns = {
        # Copied out of the file's memory, which ends with the file.
        name: batch.column(name).to_numpy(zero_copy_only=False).copy()
        for name in PIECE_COLUMNS
    }
    return Piece(
        grid,
        columns,
        tuple(Reading(*one) for one in said["readings"]),
        met_of(said["met"]),
        tuple(Running(time_ms, frozenset(names)) for time_ms, names in said["images"]),
    )


def _uncovered(grid: Grid, known: Sequence[Grid]) -> Iterator[Grid]:
    """Yield the parts of the grid that none of the known ones, sorted by begin, covers."""
    begin, end = grid.first_ms, grid.last_ms + STEP_MS
    for one in known:
        if one.first_ms >= end:
            break
        if one.first_ms > begin:
            yield Grid(begin, (one.first_ms - begin) // STEP_MS)
        begin = max(begin, one.last_ms + STEP_MS)
    if begin < end:
        yield Grid(begin, (end - begin) // STEP_MS)


def _aligned(grid: Grid, most_steps: int) -> Iterator[Grid]:
    """Yield the grid cut at multiples of `most_steps` since 1970."""
    begin, end = grid.first_ms // STEP_MS, grid.last_ms // STEP_MS + 1
    while begin < end:
        cut = min(end, (begin // most_steps + 1) * most_steps)
        yield Grid(begin * STEP_MS, cut - begin)
        begin = cut
