"""Channels are followed by one listing a tick: what didn't move isn't read."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from components.artifacts.channel import CHANNELS, LIVE, move_channel
from components.errors import TemporaryError
from tests.components.recommender.recommending import GATE, MemoryStore, World, let_in, world

NAMES = [f"w{number}" for number in range(20)]


@dataclass
class CountingStore(MemoryStore):
    """Remembers which channels were read."""

    seen: list[str] = field(default_factory=list)

    def read_tagged(self, key: str) -> tuple[bytes, str] | None:
        if key.startswith(CHANNELS):
            self.seen.append(key)
        return super().read_tagged(key)

    def taken(self) -> list[str]:
        taken, self.seen = self.seen, []
        return taken


def followed(folder: Path) -> tuple[World, CountingStore]:
    made = world(folder, NAMES, annotations=GATE)
    store = CountingStore()
    made.store = store
    made.restart()
    for name in NAMES:
        let_in(store, name)
    store.taken()
    return made, store


def test_a_channel_is_read_when_it_moved_and_not_else(tmp_path: Path) -> None:
    made, store = followed(tmp_path)
    policies = made.recommender.policies
    made.ticks(1)
    assert sorted(set(store.taken())) == sorted(f"channels/shop/{name}.json" for name in NAMES)
    made.ticks(3)
    assert store.taken() == []
    before = policies.loaded_one("shop/w3")
    digest = let_in(store, "w3", target_utilisation=0.5)
    store.taken()
    made.ticks(1)
    assert set(store.taken()) == {"channels/shop/w3.json"}
    now = policies.loaded_one("shop/w3")
    assert before is not None
    assert now is not None
    assert now.digest == digest != before.digest


def test_channels_that_cannot_be_listed_stay_as_they_were(tmp_path: Path) -> None:
    made, store = followed(tmp_path)
    made.ticks(2)
    channel = made.recommender.policies.channel("shop/w1")
    loaded = dict(made.recommender.policies.loaded())
    digest = loaded["shop/w1"].digest
    move_channel(store, "shop", "w1", digest, LIVE)
    store.errors[CHANNELS] = [TemporaryError("no answer")]
    made.ticks(1)
    assert made.recommender.policies.channel("shop/w1") == channel
    assert dict(made.recommender.policies.loaded()) == loaded
    assert "no answer" in made.told("PolicyLoaded", "w1").message
    made.ticks(1)
    moved = made.recommender.policies.channel("shop/w1")
    assert moved is not None
    assert moved.state == LIVE
