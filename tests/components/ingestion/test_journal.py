"""The journal: what is still missing, what comes back, what is refused."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.errors import UserError
from components.ingestion.journal import Journal
from components.metrics.counters import Reading
from components.metrics.grid import STEP_MS, Grid
from components.metrics.met import Met
from components.metrics.piece import PIECE_COLUMNS, Piece, joined
from components.workload.spec import Bounds, MetricSource, Slo, Workload

CART = Workload(
    "shop",
    "cart",
    "Deployment",
    "app",
    Slo(0.95, 100.0),
    Bounds(1, 4, 50, 500, 2**20, 2**28),
    MetricSource("istio"),
)
WEB = replace(CART, name="web")
FIRST_MS = 1_767_225_600_000


def _grid(first: int, steps: int) -> Grid:
    return Grid(FIRST_MS + first * STEP_MS, steps)


def _piece(grid: Grid, seed: int = 0) -> Piece:
    columns = {
        name: np.where(np.arange(grid.steps) % 3 == 0, np.nan, seed + index + grid.times_ms)
        for index, name in enumerate(PIECE_COLUMNS)
    }
    read = (Reading("restarts_total", "cart-1", grid.first_ms, 2.0, flagged=True),)
    met = Met(
        present=frozenset({"latency"}),
        invalid={"latency": 3},
        pods=frozenset({f"cart-{seed}"}),
        bucket_bounds_ms=frozenset({50.0, 0.5}),
        copies=2.0,
    )
    return Piece(grid, columns, read, met)


def _journal(folder: Path, server: str = "prometheus:9090") -> Journal:
    return Journal(folder / "journal", server, 60)


def _missing(
    journal: Journal, grid: Grid, workloads: Sequence[Workload] = (CART,), most: int = 100
) -> list[tuple[int, int, list[str]]]:
    return [
        ((window.first_ms - FIRST_MS) // STEP_MS, window.steps, [one.name for one in asked])
        for window, asked in journal.missing(workloads, grid, most)
    ]


def test_a_kept_piece_comes_back_as_it_was(tmp_path: Path) -> None:
    grid = _grid(0, 10)
    kept = {CART: _piece(grid, 1), WEB: _piece(grid, 2)}
    _journal(tmp_path).keep(grid, kept)
    back = _journal(tmp_path).pieces([WEB, CART], grid)
    for workload, piece in kept.items():
        (found,) = back[workload.key]
        assert found.grid == grid
        assert found.readings == piece.readings
        assert found.met == piece.met
        for name in PIECE_COLUMNS:
            np.testing.assert_array_equal(found.columns[name], piece.columns[name])


def test_only_what_is_new_is_missing(tmp_path: Path) -> None:
    # 2026-01-01 begins at a multiple of 60 steps.
    journal = _journal(tmp_path)
    assert _missing(journal, _grid(0, 130), most=60) == [
        (0, 60, ["cart"]),
        (60, 60, ["cart"]),
        (120, 10, ["cart"]),
    ]
    journal.keep(_grid(0, 60), {CART: _piece(_grid(0, 60))})
    journal.keep(_grid(120, 10), {CART: _piece(_grid(120, 10))})
    assert _missing(_journal(tmp_path), _grid(0, 130), most=60) == [(60, 60, ["cart"])]
    assert _missing(_journal(tmp_path), _grid(-5, 140), most=60) == [
        (-5, 5, ["cart"]),
        (60, 60, ["cart"]),
        (130, 5, ["cart"]),
    ]


def test_a_new_or_changed_workload_alone_is_asked_for_again(tmp_path: Path) -> None:
    journal = _journal(tmp_path)
    journal.keep(_grid(0, 60), {CART: _piece(_grid(0, 60))})
    assert _missing(journal, _grid(0, 60), [CART, WEB], 60) == [(0, 60, ["web"])]
    slower = replace(CART, slo=Slo(0.99, 100.0))
    assert _missing(journal, _grid(0, 60), [slower], 60) == [(0, 60, ["cart"])]
    # Bounds and the objective's milliseconds change no answer.
    relaxed = replace(CART, slo=Slo(0.95, 300.0), bounds=Bounds(2, 9, 50, 500, 1, 2))
    assert _missing(journal, _grid(0, 60), [relaxed], 60) == []
    other_window = Journal(tmp_path / "journal", "prometheus:9090", 120)
    assert _missing(other_window, _grid(0, 60), [CART], 60) == [(0, 60, ["cart"])]


def test_what_lies_before_the_asked_time_is_forgotten(tmp_path: Path) -> None:
    journal = _journal(tmp_path)
    for first in (0, 60, 120):
        journal.keep(_grid(first, 60), {CART: _piece(_grid(first, 60))})
    journal.forget_before(_grid(60, 1).first_ms)
    assert len(list((tmp_path / "journal").glob("*.arrow"))) == 2
    assert _missing(_journal(tmp_path), _grid(0, 180), most=60) == [(0, 60, ["cart"])]


def test_another_servers_journal_is_refused(tmp_path: Path) -> None:
    _journal(tmp_path, "mistyped:1")
    grid = _grid(0, 1)
    _journal(tmp_path).keep(grid, {CART: _piece(grid, 1)})
    with pytest.raises(UserError, match=r"journal of prometheus:9090, not of other:1; give anoth"):
        _journal(tmp_path, "other:1")


@pytest.mark.parametrize("content", [b"", b"ARROW1 but nothing else", None])
def test_a_damaged_window_is_one_clear_line(tmp_path: Path, content: bytes | None) -> None:
    journal = _journal(tmp_path)
    journal.keep(_grid(0, 60), {CART: _piece(_grid(0, 60))})
    (path,) = (tmp_path / "journal").glob("*.arrow")
    path.write_bytes(path.read_bytes()[:-200] if content is None else content)
    with pytest.raises(UserError, match="is no window of a journal; remove it and run again"):
        _journal(tmp_path)


@given(st.sets(st.integers(1, 29)))
def test_pieces_of_any_cut_join_to_the_same(cuts: set[int]) -> None:
    whole = _piece(_grid(0, 30))
    edges = [0, *sorted(cuts), 30]
    pieces = [
        Piece(
            _grid(begin, end - begin),
            {name: column[begin:end] for name, column in whole.columns.items()},
            whole.readings if begin == 0 else (),
            replace(whole.met, invalid=whole.met.invalid if begin == 0 else {}),
        )
        for begin, end in itertools.pairwise(edges)
    ]
    one = joined(pieces, whole.grid)
    assert one.readings == whole.readings
    assert one.met == whole.met
    for name in PIECE_COLUMNS:
        np.testing.assert_array_equal(one.columns[name], whole.columns[name])
