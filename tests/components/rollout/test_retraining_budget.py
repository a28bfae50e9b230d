"""Cool-down and budget of retraining."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.artifacts.local import LocalStore
from components.errors import UserError
from components.rollout.retraining_budget import (
    KEY,
    Booking,
    RetrainingLimits,
    admit,
    mark_ended,
    spend,
)

HOUR_S = 3600.0
LIMITS = RetrainingLimits(cool_down_s=HOUR_S, window_s=24 * HOUR_S, per_workload=3, in_all=4)


def test_the_cool_down_doubles_with_each_retraining(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    # Drift at every quarter of an hour for 12 hours: at 0, 1 h later, 2 h after that.
    done = []
    for quarter in range(48):
        hours, run = quarter * 0.25, f"run-{quarter}"
        if spend(store, ["a/b"], LIMITS, hours * HOUR_S, run).admitted:
            done.append(hours)
        mark_ended(store, run)
    assert done == [0.0, 1.0, 3.0]


def test_a_flapping_workload_is_told_so_when_its_budget_is_spent() -> None:
    spent = {"a/b": tuple(Booking(hour * HOUR_S, f"run-{hour}") for hour in (0, 1, 3))}
    refused = admit(spent, ["a/b"], LIMITS, 20 * HOUR_S, "now")
    assert refused.admitted == ()
    assert "it flaps" in refused.refused["a/b"]
    assert admit(spent, ["a/b"], LIMITS, 25.5 * HOUR_S, "now").admitted == ("a/b",)


def test_the_budget_of_all_goes_to_the_first_in_rank() -> None:
    admission = admit({"x/y": (Booking(0.0, "before"),)}, list("abcde"), LIMITS, 2 * HOUR_S, "now")
    assert admission.admitted == ("a", "b", "c")
    assert set(admission.refused) == {"d", "e"}


def test_what_ten_runs_book_at_once_is_kept_of_each(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    limits = RetrainingLimits()

    def book(number: int) -> None:
        spend(store, [f"shop/{number}"], limits, 0.0, f"run-{number}")
        mark_ended(store, f"run-{number}")

    with ThreadPoolExecutor(10) as threads:
        list(threads.map(book, range(10)))
    booked = json.loads(store.read(KEY))
    assert booked == {
        f"shop/{number}": [{"at_s": 0.0, "ended": True, "run": f"run-{number}"}]
        for number in range(10)
    }


def test_what_an_earlier_release_booked_counts_as_ended(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    store.write_once(KEY, b'{"a/b": [{"at_s": 0.0, "run": "before"}]}')
    assert "cools down" in spend(store, ["a/b"], LIMITS, 60.0, "now").refused["a/b"]


@given(st.lists(st.floats(0.0, 72 * HOUR_S), min_size=1, max_size=60))
def test_no_window_ever_holds_more_than_the_budget(times: list[float]) -> None:
    spent: dict[str, tuple[Booking, ...]] = {}
    for number, now_s in enumerate(sorted(times)):
        for key in admit(spent, ["a", "b"], LIMITS, now_s, f"run-{number}").admitted:
            spent[key] = (*spent.get(key, ()), Booking(now_s, f"run-{number}"))
    every = sorted(one.at_s for bookings in spent.values() for one in bookings)
    for end in every:
        window = [time for time in every if end - LIMITS.window_s < time <= end]
        assert len(window) <= LIMITS.in_all


def test_a_run_whose_task_is_tried_again_has_paid_once(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    for at_s in (0.0, 30.0):
        assert spend(store, ["a/b", "c/d"], LIMITS, at_s, "first").admitted == ("a/b", "c/d")
    mark_ended(store, "first")
    assert "cools down" in spend(store, ["a/b"], LIMITS, 60.0, "second").refused["a/b"]
    booked = json.loads(store.read(KEY))
    assert {key: len(bookings) for key, bookings in booked.items()} == {"a/b": 1, "c/d": 1}


def test_a_broken_account_is_told(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    store.write_once(KEY, b"[1]")
    with pytest.raises(UserError, match="delete it"):
        spend(store, ["a/b"], LIMITS, 0.0, "now")


def test_limits_that_cannot_be_are_refused() -> None:
    with pytest.raises(UserError, match="cool_down_s"):
        RetrainingLimits(cool_down_s=10.0, window_s=5.0)
    with pytest.raises(UserError, match="at least 1"):
        RetrainingLimits(in_all=0)
