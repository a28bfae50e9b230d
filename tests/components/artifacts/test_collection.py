"""Bundles are deleted when nobody needs them, and never from under a channel."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from components.artifacts.bundle import Bundle, load, publish
from components.artifacts.channel import SHADOW, move_channel, read_channel
from components.artifacts.collection import (
    ABANDONED_S,
    StoredBundle,
    collect,
    keep_published,
    named_digests,
    plan,
    stored_bundles,
)
from components.artifacts.local import LocalStore
from components.artifacts.store import Store
from components.errors import TemporaryError, UserError

DAY_S = 86400.0


def bundle(number: int, workload: str = "shop/cart") -> Bundle:
    return Bundle(workload, {"cpu_target": 0.5}, {"w": np.ones(2)}, {"number": number})


def stored(digest: str, workload: str, age_days: float) -> StoredBundle:
    return StoredBundle(digest, workload, -age_days * DAY_S)


def test_what_is_named_new_or_young_stays() -> None:
    bundles = [
        stored("a", "shop/cart", 1),
        stored("b", "shop/cart", 40),
        stored("c", "shop/cart", 50),
        stored("d", "shop/cart", 60),
        stored("e", "shop/feed", 70),
        stored("unfinished", "", 80),
        stored("begun", "", 0.1),
    ]
    bundles.sort(key=lambda one: -one.written_s)
    found = plan(bundles, {"c"}, now_s=0.0, keep=1, older_than_s=30 * DAY_S)
    assert [one.digest for one in found.deleted] == ["b", "d", "unfinished"]
    assert (found.named, found.newest, found.young) == (1, 2, 1)
    found = plan(bundles, set(), now_s=0.0, keep=0, older_than_s=55 * DAY_S)
    assert [one.digest for one in found.deleted] == ["d", "e", "unfinished"]


def test_the_store_says_which_bundles_there_are_and_which_are_named(store: Store) -> None:
    digests = [publish(store, bundle(number)) for number in range(3)]
    store.write_once(f"policies/{'f' * 64}/policy.safetensors", b"killed before bundle.json")
    for digest in digests[:2]:
        move_channel(store, "shop", "cart", digest, SHADOW)
    found = {one.digest: one.workload for one in stored_bundles(store)}
    assert found == {**dict.fromkeys(digests, "shop/cart"), "f" * 64: ""}
    assert named_digests(store) == set(digests[:2])


def test_deleting_leaves_nothing_of_a_bundle_and_all_of_the_others(store: Store) -> None:
    kept, gone = publish(store, bundle(0)), publish(store, bundle(1))
    assert collect(store, [gone], "one") == [gone]
    assert store.list("") == [f"policies/{kept}/bundle.json", f"policies/{kept}/policy.safetensors"]
    assert load(store, kept).manifest["number"] == 0
    assert store.written_s(f"policies/{gone}/bundle.json") is None
    store.delete(f"policies/{gone}/bundle.json")


def test_what_a_channel_names_by_now_is_not_deleted(store: Store) -> None:
    digest = publish(store, bundle(0))
    move_channel(store, "shop", "cart", digest, SHADOW)
    assert collect(store, [digest], "one") == []
    assert load(store, digest).workload == "shop/cart"
    assert store.list("collecting/") == []


@dataclass
class Interrupted:
    """A store that lets something else happen before its `at`-th call."""

    inner: Store
    at: int
    event: Callable[[], object]
    calls: int = 0

    def _met(self) -> Store:
        self.calls += 1
        if self.calls == self.at:
            self.event()
        return self.inner

    def read(self, key: str) -> bytes:
        return self._met().read(key)

    def read_tagged(self, key: str) -> tuple[bytes, str] | None:
        return self._met().read_tagged(key)

    def write_once(self, key: str, data: bytes) -> None:
        self._met().write_once(key, data)

    def write_if(self, key: str, data: bytes, tag: str | None) -> bool:
        return self._met().write_if(key, data, tag)

    def written_s(self, key: str) -> float | None:
        return self._met().written_s(key)

    def delete(self, key: str) -> None:
        self._met().delete(key)

    def list(self, prefix: str) -> list[str]:
        return self._met().list(prefix)


def write(store: Store, sleep: Callable[[float], None]) -> None:
    digest = publish(store, bundle(0))
    move_channel(store, "shop", "cart", digest, SHADOW)
    keep_published(store, bundle(0), sleep)


def whole(store: Store) -> bool:
    """Whether the channel's bundle is there and no claim is left."""
    current = read_channel(store, "shop", "cart").current
    assert current is not None
    return load(store, current).manifest["number"] == 0 and store.list("collecting/") == []


@pytest.mark.parametrize("at", range(1, 10))
def test_a_collector_that_runs_between_any_two_steps_of_a_writer_harms_nothing(
    tmp_path: Path, at: int
) -> None:
    plain = LocalStore(tmp_path)
    digest = publish(plain, bundle(0))
    store = Interrupted(plain, at, lambda: collect(plain, [digest], "collector"))
    write(store, lambda _: None)
    assert whole(plain)


@pytest.mark.parametrize("at", range(1, 12))
def test_a_writer_that_runs_between_any_two_steps_of_a_collector_keeps_its_bundle(
    tmp_path: Path, at: int
) -> None:
    plain = LocalStore(tmp_path)
    digest = publish(plain, bundle(0))
    writers: list[threading.Thread] = []
    waiting = threading.Event()

    def writer() -> None:
        write(plain, lambda _: waiting.wait(0.01) and None)

    def begin() -> None:
        thread = threading.Thread(target=writer)
        thread.start()
        writers.append(thread)
        # Until it is done, or waits for the claim to go.
        thread.join(0.3)

    collect(Interrupted(plain, at, begin), [digest], "collector")
    if not writers:
        begin()
    writers[0].join()
    assert whole(plain)


def test_writers_and_collectors_at_once_leave_every_channel_with_its_bundle(store: Store) -> None:
    over = threading.Event()

    def collector(owner: str) -> None:
        while not over.is_set():
            collect(store, [one.digest for one in stored_bundles(store)], owner)

    def writer(name: str) -> None:
        rng = random.Random(name)
        for _ in range(6):
            # Few bundles, so that old ones are taken up again while they are being deleted.
            chosen = bundle(rng.randrange(2), f"shop/{name}")
            digest = publish(store, chosen)
            move_channel(store, "shop", name, digest, SHADOW)
            keep_published(store, chosen)
            assert load(store, digest).workload == f"shop/{name}"

    with ThreadPoolExecutor(5) as pool:
        collectors = [pool.submit(collector, name) for name in ("one", "two")]
        writers = [pool.submit(writer, name) for name in ("a", "b", "c")]
        wait(writers)
        over.set()
    for done in (*collectors, *writers):
        done.result()
    for name in ("a", "b", "c"):
        current = read_channel(store, "shop", name).current
        assert current is not None
        assert load(store, current).workload == f"shop/{name}"


def test_a_dead_collectors_claim_is_told_and_later_taken_over(store: Store) -> None:
    digest = publish(store, bundle(0))

    claims = iter([0.0, 0.0])

    # The clock ends where the collector dies: after its claim.
    with pytest.raises(StopIteration):
        collect(store, [digest], "first", lambda: next(claims))
    assert collect(store, [digest], "second", lambda: ABANDONED_S - 1) == []
    with pytest.raises(TemporaryError, match="is being deleted"):
        keep_published(store, bundle(0), lambda _: None)
    assert collect(store, [digest], "second", lambda: ABANDONED_S + 1) == [digest]
    keep_published(store, bundle(0), lambda _: None)
    assert load(store, digest).manifest["number"] == 0


def test_a_claim_that_is_none_is_told(store: Store) -> None:
    digest = publish(store, bundle(0))
    store.write_once(f"collecting/{digest}.json", b"no JSON")
    with pytest.raises(UserError, match="is not a claim"):
        collect(store, [digest], "one")
