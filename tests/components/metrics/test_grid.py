"""The 15 s grid."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from components.metrics.grid import STEP_MS, Grid, grid_around, grid_between, pages


def test_a_grid_between_two_times_lies_inside_them() -> None:
    grid = grid_between(14_999, 45_001)
    assert list(grid.times_ms) == [15_000, 30_000, 45_000]
    assert grid_between(1, 14_999).steps == 0


def test_a_grid_around_two_times_has_the_nearest_steps_as_ends() -> None:
    assert list(grid_around(16_000, 44_000).times_ms) == [15_000, 30_000, 45_000]


def test_a_time_goes_to_its_nearest_step() -> None:
    slots = Grid(15_000, 2).slots(np.array([7_499, 7_500, 15_000, 22_499, 22_500, 37_500]))
    assert list(slots) == [-1, 0, 0, 0, 1, 2]


@given(st.integers(0, 10**12), st.integers(0, 500), st.integers(1, 60))
def test_pages_are_the_grid_in_pieces(first: int, steps: int, most: int) -> None:
    grid = Grid(first * STEP_MS, steps)
    pieces = pages(grid, most)
    assert all(1 <= piece.steps <= most for piece in pieces)
    times = [time for piece in pieces for time in piece.times_ms]
    assert times == list(grid.times_ms)
