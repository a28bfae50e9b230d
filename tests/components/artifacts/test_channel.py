from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest

from components.artifacts.channel import (
    INCUMBENT,
    LIVE,
    SHADOW,
    STATES,
    Channel,
    move_channel,
    read_channel,
)
from components.artifacts.local import LocalStore
from components.errors import TemporaryError, UserError

A, B = "a" * 64, "b" * 64


def test_a_channel_that_was_never_moved_is_the_incumbent_s(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)

    assert read_channel(store, "shop", "cart") == Channel(None, None, INCUMBENT)
    assert store.list("") == []


def test_moving_remembers_the_previous_bundle(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)

    assert move_channel(store, "shop", "cart", A, SHADOW) == Channel(A, None, SHADOW)
    assert move_channel(store, "shop", "cart", A, LIVE) == Channel(A, None, LIVE)
    assert move_channel(store, "shop", "cart", B, SHADOW) == Channel(B, A, SHADOW)
    assert read_channel(store, "shop", "cart") == Channel(B, A, SHADOW)
    assert read_channel(store, "shop", "other") == Channel()


def test_moving_to_where_it_is_writes_nothing(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    move_channel(store, "shop", "cart", A, SHADOW)
    before = (tmp_path / "channels/shop/cart.json").stat()

    move_channel(store, "shop", "cart", A, SHADOW)

    after = (tmp_path / "channels/shop/cart.json").stat()
    assert (before.st_ino, before.st_mtime_ns) == (after.st_ino, after.st_mtime_ns)


@dataclass(frozen=True)
class OvertakenStore(LocalStore):
    """A store in which another run moves the channel right before each conditional put."""

    other: str = ""

    def write_if(self, key: str, data: bytes, tag: str | None) -> bool:
        move_channel(LocalStore(self.folder), "shop", "cart", self.other, SHADOW)
        return super().write_if(key, data, tag)


def test_the_loser_of_a_race_for_the_same_move_succeeds(tmp_path: Path) -> None:
    store = OvertakenStore(tmp_path, other=A)

    assert move_channel(store, "shop", "cart", A, SHADOW) == Channel(A, None, SHADOW)


def test_the_loser_of_a_race_for_another_move_is_told_and_changes_nothing(tmp_path: Path) -> None:
    store = OvertakenStore(tmp_path, other=B)

    with pytest.raises(TemporaryError, match="another run moved the channel of shop/cart to bbb"):
        move_channel(store, "shop", "cart", A, SHADOW)
    assert read_channel(store, "shop", "cart") == Channel(B, None, SHADOW)


def test_racing_runs_never_lose_a_bundle_from_the_history(tmp_path: Path) -> None:
    """Each winner's `previous` is the winner before it: no move was overwritten unseen."""
    digests = [f"{i:064x}" for i in range(16)]

    def move(digest: str) -> Channel | None:
        try:
            return move_channel(LocalStore(tmp_path), "shop", "cart", digest, SHADOW)
        except TemporaryError:
            return None

    with ThreadPoolExecutor(8) as threads:
        won = [channel for channel in threads.map(move, digests) if channel]
    seen = {channel.previous for channel in won}

    assert len(won) >= 1
    assert len(seen) == len(won)
    assert None in seen


def test_an_unknown_state_is_a_programming_error(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="INCUMBENT, SHADOW, CANARY, LIVE"):
        move_channel(LocalStore(tmp_path), "shop", "cart", A, "ON")
    assert STATES == ("INCUMBENT", "SHADOW", "CANARY", "LIVE")


@pytest.mark.parametrize("text", ["{", "[]", '{"now": 1}', '{"state": "ON"}', ""])
def test_a_damaged_channel_is_named(tmp_path: Path, text: str) -> None:
    path = tmp_path / "channels/shop/cart.json"
    path.parent.mkdir(parents=True)
    path.write_text(text)

    with pytest.raises(UserError, match=r"channels/shop/cart\.json in the store"):
        read_channel(LocalStore(tmp_path), "shop", "cart")
