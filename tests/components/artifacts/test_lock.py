"""The lock on both stores, with a real S3 server."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest

from components.artifacts.local import LocalStore
from components.artifacts.lock import RETRAINING, give_lock_back, lock_holder, take_lock
from components.artifacts.store import Store
from components.errors import UserError


@pytest.mark.parametrize("before", ["never held", "expired", "given back"])
def test_of_ten_triggers_at_once_one_gets_the_lock(store: Store, before: str) -> None:
    if before != "never held":
        assert take_lock(store, RETRAINING, "earlier", now_s=0.0, held_for_s=50.0)
    if before == "given back":
        assert give_lock_back(store, RETRAINING, "earlier", now_s=10.0)
    together = Barrier(10)

    def trigger(number: int) -> bool:
        together.wait()
        return take_lock(store, RETRAINING, f"run-{number}", 100.0, 60.0) is not None

    with ThreadPoolExecutor(10) as threads:
        got = list(threads.map(trigger, range(10)))
    assert got.count(True) == 1
    holder = lock_holder(store, RETRAINING, 100.0)
    assert holder is not None
    assert holder.owner == f"run-{got.index(True)}"
    assert holder.turn == (1 if before == "never held" else 2)


def test_a_held_lock_is_refused_until_it_ends_and_then_taken_over(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    assert take_lock(store, "a", "one", 0.0, 60.0)
    assert take_lock(store, "a", "two", 59.9, 60.0) is None
    taken = take_lock(store, "a", "two", 60.0, 60.0)
    assert taken is not None
    assert (taken.owner, taken.until_s, taken.turn) == ("two", 120.0, 2)
    # The first holder wakes up: it neither holds the lock nor can end the other's hold.
    assert not give_lock_back(store, "a", "one", 61.0)
    assert take_lock(store, "a", "one", 61.0, 60.0) is None


def test_a_restarted_run_keeps_its_lock_and_its_turn(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    first = take_lock(store, "a", "one", 0.0, 60.0)
    again = take_lock(store, "a", "one", 30.0, 60.0)
    assert first is not None
    assert again is not None
    assert (again.turn, again.until_s) == (first.turn, 90.0)


def test_a_lock_given_back_is_free(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    assert not give_lock_back(store, "a", "one", 0.0)
    assert take_lock(store, "a", "one", 0.0, 60.0)
    assert give_lock_back(store, "a", "one", 1.0)
    assert lock_holder(store, "a", 1.0) is None
    assert take_lock(store, "a", "two", 1.0, 60.0)


@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b'{"owner":"a","until_s":1e999,"turn":1}'])
def test_what_is_no_lock_is_told(tmp_path: Path, content: bytes) -> None:
    store = LocalStore(tmp_path)
    store.write_once("locks/a.json", content)
    with pytest.raises(UserError, match="delete it"):
        take_lock(store, "a", "one", 0.0, 60.0)
