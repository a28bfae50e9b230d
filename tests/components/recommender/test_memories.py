"""What HPA, VPA and rules have learned outlives the recommender: kill, restart, two of them."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.cluster.vpa import (
    DAY_S,
    HISTORY_COUNT,
    MEMORY_BUCKETS,
    MEMORY_FIRST_BUCKET_BYTES,
    TARGET_PERCENTILE,
    TIME_S,
    WINDOW_START_S,
    empty_history,
    percentile,
)
from components.errors import TemporaryError
from components.recommender.memory_record import (
    Remembered,
    from_document,
    to_document,
    with_time_moved,
)
from components.recommender.memory_store import MemoryStore, shard_of
from components.recommender.settings import RecommenderSettings
from tests.components.recommender.recommending import LOAD, MI, World, world
from tests.components.recommender.recommending import MemoryStore as Memory

EVERY_TICK = RecommenderSettings(save_every=1)
SHARD = f"memories/{shard_of('shop/checkout'):02d}.json"
# 700 Mi at the day's peak; then the load is gone and 50 Mi are used.
PEAK = LOAD | {"memory_working_set_bytes": 700.0 * MI}


def after_a_peak(folder: Path, hours: int = 1) -> World:
    """A workload whose memory grew with its peak, and is calm for so long since."""
    made = world(folder, settings=EVERY_TICK)
    made.store = Memory()
    made.restart()
    made.telemetry.rows["shop/checkout"] = PEAK
    made.ticks(10, apply=True)
    made.telemetry.rows["shop/checkout"] = LOAD
    made.ticks(22 * hours, apply=True, every_s=170.0)
    return made


def test_a_restart_does_not_shrink_the_memory_that_a_daily_peak_needs(tmp_path: Path) -> None:
    made = after_a_peak(tmp_path)
    before = made.sizes()[2]
    assert before >= 1.15 * 700 * MI

    made.restart()
    made.ticks(280, apply=True, every_s=170.0)

    assert made.sizes()[2] == before


def test_without_its_memory_it_would_have_shrunk(tmp_path: Path) -> None:
    made = after_a_peak(tmp_path)
    before = made.sizes()[2]
    assert isinstance(made.store, Memory)
    made.store.contents.clear()

    made.restart()
    made.ticks(280, apply=True, every_s=170.0)

    assert made.sizes()[2] < before


def test_a_killed_recommender_loses_no_step_and_counts_none_twice(tmp_path: Path) -> None:
    straight = world(tmp_path / "a", settings=RecommenderSettings(save_every=3))
    killed = world(tmp_path / "b", settings=RecommenderSettings(save_every=3))
    for tick in range(31):
        for made in (straight, killed):
            load = PEAK if tick % 7 == 3 else LOAD | {"oom_kills": float(tick % 5 == 2)}
            made.telemetry.rows["shop/checkout"] = load
            made.ticks(1)
        if tick % 4 == 1:
            killed.restart()

    one = straight.recommender.controllers.remembered("shop/checkout")
    other = killed.recommender.controllers.remembered("shop/checkout")
    assert one is not None
    assert other is not None
    assert one.seen_s == other.seen_s
    assert one.history[TIME_S] == other.history[TIME_S]


def test_while_memories_cannot_be_read_no_memory_shrinks_then_it_goes_on(tmp_path: Path) -> None:
    made = after_a_peak(tmp_path)
    before = made.sizes()[2]
    store = made.store
    assert isinstance(store, Memory)
    stored = store.contents[SHARD]
    made.restart()
    store.errors["memories/"] = [TemporaryError("no answer")] * 10_000

    made.ticks(280, apply=True, every_s=170.0)

    assert made.sizes()[2] == before
    assert store.contents[SHARD] == stored
    store.errors.clear()
    made.ticks(2, apply=True)
    assert made.sizes()[2] == before
    assert store.contents[SHARD] != stored


def test_what_is_damaged_is_not_overwritten_and_nothing_shrinks(tmp_path: Path) -> None:
    made = after_a_peak(tmp_path)
    before = made.sizes()[2]
    store = made.store
    assert isinstance(store, Memory)
    store.contents[SHARD] = store.contents[SHARD][:-30]
    damaged = store.contents[SHARD]

    made.restart()
    made.ticks(280, apply=True, every_s=170.0)

    assert made.sizes()[2] == before
    assert store.contents[SHARD] == damaged


def test_of_two_recommenders_the_one_that_wrote_is_believed(tmp_path: Path) -> None:
    made = after_a_peak(tmp_path)
    stale = made.recommender
    made.restart()
    made.ticks(3, apply=True)
    newest = made.recommender.controllers.remembered("shop/checkout")
    assert newest is not None

    stale.tick()
    stale.tick()

    read_again = stale.controllers.remembered("shop/checkout")
    assert read_again is not None
    assert read_again.history[TIME_S] >= newest.history[TIME_S]


def test_a_workload_that_was_away_comes_back_with_its_memory(tmp_path: Path) -> None:
    made = after_a_peak(tmp_path)
    before = made.recommender.controllers.remembered("shop/checkout")
    assert before is not None
    path = "/apis/apps/v1/namespaces/shop/deployments/checkout"
    made.api.objects[path]["spec"]["replicas"] = 0
    made.ticks(5)
    made.restart()
    made.ticks(5)
    made.api.objects[path]["spec"]["replicas"] = 2
    made.ticks(1)

    after = made.recommender.controllers.remembered("shop/checkout")
    assert after is not None
    # The time of its absence has passed in it too.
    assert after.seen_s > before.seen_s + 10 * 60
    passed_s = after.history[TIME_S] - before.history[TIME_S]
    assert passed_s == pytest.approx(after.seen_s - before.seen_s)
    weights = [item.history[MEMORY_BUCKETS:] for item in (before, after)]
    assert np.count_nonzero(weights[0]) <= np.count_nonzero(weights[1])


rows = st.floats(0, 1e12)
records = st.builds(
    lambda hpa, place, history, rule, seen_s, digest: Remembered(
        hpa=np.array([*hpa, float(place)]),
        history=np.array(history)[np.arange(HISTORY_COUNT) % len(history)],
        rule=np.array(rule),
        incumbent=np.array([2.0, 100.0, np.nan]),
        policy=np.full(3, np.nan),
        seen_s=seen_s,
        digest=digest,
    ),
    st.lists(rows, min_size=20, max_size=20),
    st.integers(0, 19),
    st.lists(st.floats(0, 4e7), min_size=1, max_size=7),
    st.lists(st.floats(-10, 1e9), min_size=12, max_size=12),
    st.floats(0, 4e9),
    st.sampled_from(("", "ab12")),
)


@given(records)
def test_a_record_survives_its_json(record: Remembered) -> None:
    read = from_document(json.loads(json.dumps(to_document(record), allow_nan=False)))

    for name in ("hpa", "rule", "incumbent", "policy"):
        np.testing.assert_array_equal(getattr(read, name), getattr(record, name))
    np.testing.assert_array_equal(read.history, with_time_moved(record.history))
    assert (read.seen_s, read.digest) == (record.seen_s, record.digest)


@pytest.mark.parametrize(
    "wrong",
    [
        {"hpa": [1.0]},
        {"hpa": [0.0] * 20 + [20.0]},
        {"history": [[HISTORY_COUNT, 1.0]]},
        {"history": [[7, -1.0]]},
        {"history": [[7, float("nan")]]},
        {"rule": [None] * 12},
        {"seen_s": "yesterday"},
    ],
)
def test_what_is_no_record_is_refused(wrong: dict[str, object]) -> None:
    record = Remembered(
        np.zeros(21), empty_history(), np.zeros(12), np.zeros(3), np.zeros(3), 1.0, ""
    )

    with pytest.raises((ValueError, TypeError, KeyError)):
        from_document(to_document(record) | wrong)


def test_time_moves_on_before_weights_overflow_and_no_percentile_changes() -> None:
    history = empty_history()
    history[TIME_S] = 900 * DAY_S
    history[WINDOW_START_S] = 899 * DAY_S
    history[MEMORY_BUCKETS + 40] = 0.85 * 2.0**900
    history[MEMORY_BUCKETS + 60] = 0.15 * 2.0**900

    moved = with_time_moved(history)

    assert moved[TIME_S] == 100 * DAY_S
    assert moved[MEMORY_BUCKETS + 40] == pytest.approx(0.85 * 2.0**100)
    assert moved[TIME_S] - moved[WINDOW_START_S] == DAY_S
    end = slice(MEMORY_BUCKETS, MEMORY_BUCKETS + 176)
    targets = [
        percentile(item[end], TARGET_PERCENTILE, MEMORY_FIRST_BUCKET_BYTES)
        for item in (history, moved)
    ]
    assert targets[0] == targets[1]


def test_a_memory_that_is_long_gone_is_dropped(tmp_path: Path) -> None:
    store = Memory()
    record = Remembered(
        np.zeros(21), empty_history(), np.zeros(12), np.zeros(3), np.zeros(3), 1e6, ""
    )
    memories = MemoryStore(store, 1)
    memories.read(["shop/checkout"])
    memories.save(["shop/checkout"], lambda _: record, 1e6)
    memories = MemoryStore(store, 1)
    memories.read([key for key in ("shop/other", "shop/checkout") if key != "shop/checkout"])
    other = next(f"shop/w{index}" for index in range(999) if same_shard(f"shop/w{index}"))
    memories.read([other])

    memories.save([other], lambda _: replace(record, seen_s=1e6 + 7 * DAY_S), 1e6 + 7 * DAY_S)
    assert "shop/checkout" in MemoryStore(store, 1).read(["shop/checkout"])
    memories.save([other], lambda _: replace(record, seen_s=1e6 + 9 * DAY_S), 1e6 + 9 * DAY_S)
    assert "shop/checkout" not in MemoryStore(store, 1).read(["shop/checkout"])


def same_shard(key: str) -> bool:
    return shard_of(key) == shard_of("shop/checkout")
