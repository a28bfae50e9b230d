"""Cool-down and budget of retraining."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.artifacts.local import LocalStore
from components.drift_check.budget import KEY, RetrainingLimits, Spent, admit, spend
from components.errors import UserError

HOUR_S = 3600.0
LIMITS = RetrainingLimits(cool_down_s=HOUR_S, window_s=24 * HOUR_S, per_workload=3, in_all=4)


def test_the_cool_down_doubles_with_each_retraining(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    # Drift at every quarter of an hour for 12 hours: at 0, 1 h later, 2 h after that.
    done = [
        quarter * 0.25
        for quarter in range(48)
        if spend(store, ["a/b"], LIMITS, quarter * 0.25 * HOUR_S).admitted
    ]
    assert done == [0.0, 1.0, 3.0]


def test_a_flapping_workload_is_told_so_when_its_budget_is_spent() -> None:
    spent: Spent = {"a/b": (0.0, HOUR_S, 3 * HOUR_S)}
    refused = admit(spent, ["a/b"], LIMITS, 20 * HOUR_S)
    assert refused.admitted == ()
    assert "it flaps" in refused.refused["a/b"]
    assert admit(spent, ["a/b"], LIMITS, 25.5 * HOUR_S).admitted == ("a/b",)


def test_the_budget_of_all_goes_to_the_first_in_rank() -> None:
    admission = admit({"x/y": (0.0,)}, list("abcde"), LIMITS, 2 * HOUR_S)
    assert admission.admitted == ("a", "b", "c")
    assert set(admission.refused) == {"d", "e"}


def test_ten_runs_at_once_book_one_retraining(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    with ThreadPoolExecutor(10) as threads:
        runs = list(threads.map(lambda _: spend(store, ["a/b"], LIMITS, 0.0), range(10)))
    assert [run.admitted for run in runs].count(("a/b",)) == 1


@given(st.lists(st.floats(0.0, 72 * HOUR_S), min_size=1, max_size=60))
def test_no_window_ever_holds_more_than_the_budget(times: list[float]) -> None:
    spent: Spent = {}
    for now_s in sorted(times):
        for key in admit(spent, ["a", "b"], LIMITS, now_s).admitted:
            spent[key] = (*spent.get(key, ()), now_s)
    every = sorted(time for one in spent.values() for time in one)
    for end in every:
        window = [time for time in every if end - LIMITS.window_s < time <= end]
        assert len(window) <= LIMITS.in_all


def test_a_broken_account_is_told(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    store.write_once(KEY, b"[1]")
    with pytest.raises(UserError, match="delete it"):
        spend(store, ["a/b"], LIMITS, 0.0)


def test_limits_that_cannot_be_are_refused() -> None:
    with pytest.raises(UserError, match="cool_down_s"):
        RetrainingLimits(cool_down_s=10.0, window_s=5.0)
    with pytest.raises(UserError, match="at least 1"):
        RetrainingLimits(in_all=0)
