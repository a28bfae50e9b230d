"""Counters read as they are: resets, pods that come, go and restart."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.metrics.counters import Reading, readings, rises

NAN = np.nan


def _rises(rows: dict[str, list[float]], cuts: tuple[int, ...] = ()) -> dict[int, float]:
    """The rises by step, with the rows read in stretches that are cut there."""
    found: list[Reading] = []
    for pod, row in rows.items():
        values, steps = np.array(row, dtype=float), np.arange(len(row))
        for begin, end in zip((0, *cuts), (*cuts, len(row)), strict=True):
            found += readings("restarts_total", pod, values[begin:end], steps[begin:end])
    total: dict[int, float] = {}
    for rise in rises(found):
        total[rise.time_ms] = total.get(rise.time_ms, 0.0) + rise.by
    return total


@pytest.mark.parametrize(
    ("rows", "known"),
    [
        ({"a": [5, 5, 7]}, {2: 2}),
        # A reset: the whole value is new.
        ({"a": [5, 8, 2, 3]}, {1: 3, 2: 2, 3: 1}),
        # Seen before and after a gap.
        ({"a": [5, NAN, NAN, 6]}, {3: 1}),
        # A pod that comes later began at zero; one that was there has no past.
        ({"a": [9, 9, 9], "b": [NAN, 2, 2]}, {1: 2}),
        ({"a": [NAN, 9, 9], "b": [NAN, 2, 3]}, {2: 1}),
        ({"a": [1, 1, NAN, NAN], "b": [NAN, NAN, 0, 4]}, {3: 4}),
        ({"a": [NAN, NAN]}, {}),
        ({}, {}),
    ],
)
def test_rises(rows: dict[str, list[float]], known: dict[int, float]) -> None:
    assert _rises(rows) == known


@given(
    st.dictionaries(
        st.sampled_from("abc"),
        st.lists(st.sampled_from([NAN, 0.0, 1.0, 2.0, 5.0]), min_size=8, max_size=8),
    ),
    st.sets(st.integers(1, 7)),
)
def test_it_does_not_matter_in_which_stretches_counters_were_read(
    rows: dict[str, list[float]], cuts: set[int]
) -> None:
    assert _rises(rows, tuple(sorted(cuts))) == _rises(rows)


def test_a_reading_says_whether_the_oom_flag_was_up() -> None:
    row, flags = np.array([0.0, 1.0, 1.0, 2.0]), np.array([NAN, 1.0, 1.0, 0.0])
    found = rises(readings("restarts_total", "a", row, np.arange(4), flags))
    assert [(rise.time_ms, rise.flagged) for rise in found] == [(1, True), (3, False)]
