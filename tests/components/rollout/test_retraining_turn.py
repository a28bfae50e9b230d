"""One run retrains at a time, whoever started it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from components.artifacts.local import LocalStore
from components.rollout.retraining_turn import drifted_in_turn


def test_of_ten_runs_at_once_one_retrains(tmp_path: Path) -> None:
    def ask(run: int) -> int:
        return drifted_in_turn(LocalStore(tmp_path), 3, f"run-{run}", 100.0, 60.0)

    with ThreadPoolExecutor(10) as threads:
        assert sorted(threads.map(ask, range(10))) == [0] * 9 + [3]


def test_the_turn_lasts_as_long_as_it_says_and_the_same_run_keeps_it(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    assert drifted_in_turn(store, 3, "first", 100.0, 60.0) == 3
    assert drifted_in_turn(store, 3, "second", 159.0, 60.0) == 0
    assert drifted_in_turn(store, 3, "first", 159.0, 60.0) == 3
    assert drifted_in_turn(store, 3, "second", 218.0, 60.0) == 0
    assert drifted_in_turn(store, 3, "second", 219.0, 60.0) == 3


def test_a_run_that_finds_nothing_or_wants_no_lock_leaves_the_turn_to_others(
    tmp_path: Path,
) -> None:
    store = LocalStore(tmp_path)
    assert drifted_in_turn(store, 0, "idle", 100.0, 60.0) == 0
    assert drifted_in_turn(store, 2, "by hand", 100.0, 0.0) == 2
    assert drifted_in_turn(store, 1, "scheduled", 100.0, 60.0) == 1
