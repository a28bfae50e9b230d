"""Increases of counters, by hand."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from components.metrics.counters import increases

NAN = np.nan


def test_a_rise_counts_and_a_reset_counts_from_zero() -> None:
    counters = np.array([[3.0, 3.0, 5.0, 1.0, 1.0]])
    assert increases(counters).tolist() == [[0, 0, 2, 1, 0]]


def test_a_pod_that_comes_later_begins_at_zero() -> None:
    counters = np.array([[7.0, 7.0, 7.0], [NAN, 2.0, 3.0]])
    assert increases(counters).tolist() == [[0, 0, 0], [0, 2, 1]]


def test_a_workload_that_is_first_seen_late_has_no_past() -> None:
    assert increases(np.array([[NAN, 4.0, 5.0]])).tolist() == [[0, 0, 1]]


def test_a_rise_over_a_gap_counts_where_it_is_seen() -> None:
    assert increases(np.array([[1.0, NAN, NAN, 3.0]])).tolist() == [[0, 0, 0, 2]]


def test_no_series_at_all_rises_nowhere() -> None:
    assert increases(np.empty((0, 4))).shape == (0, 4)


@given(st.lists(st.one_of(st.just(NAN), st.integers(0, 9)), min_size=1, max_size=30))
def test_an_increase_is_never_negative_nor_missing(values: list[float]) -> None:
    rises = increases(np.array([values], dtype=np.float64))
    assert np.isfinite(rises).all()
    assert (rises >= 0).all()
