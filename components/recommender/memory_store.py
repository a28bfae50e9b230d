"""The controllers' memories in the store: what a restart must not lose.

They are in the store, not on the MultidimPodAutoscalers: an object's annotation would take the
right to change what users ask for, and thousands of writes to etcd every few minutes. The store
takes one conditional write for hundreds of workloads. Without a store nothing is kept.
"""

from __future__ import annotations

import json
import logging
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from components.artifacts.store import Store
from components.errors import TemporaryError, UserError
from components.recommender.memory_record import Remembered, from_document, to_document
from components.recommender.telemetry_batch import Flags

_log = logging.getLogger(__name__)

_VERSION = 1
# Workloads share so many objects: few enough to write, small enough to read.
SHARDS = 16
# A workload that was away for longer comes back as a new one: its history has faded by then.
_KEPT_S = 8 * 86_400.0


@dataclass(slots=True)
class _Shard:
    """`tag`: the stored version. `stored`: what it holds of workloads that aren't here now."""

    tag: str | None = None
    stored: dict[str, Remembered] = field(default_factory=dict)


class MemoryStore:
    """Reads each shard once, and again when another process wrote it."""

    def __init__(self, store: Store | None, save_every: int) -> None:
        self._store = store
        self._save_every = save_every
        self._shards: dict[int, _Shard] = {}
        self._turn = 0

    def read(self, keys: Sequence[str]) -> dict[str, Remembered]:
        """What is remembered of workloads whose shard wasn't read before.

        A shard that can't be read is tried again the next time; see `unread`.
        """
        found: dict[str, Remembered] = {}
        if self._store is None:
            return found
        by_shard: dict[int, list[str]] = {}
        for key in keys:
            by_shard.setdefault(shard_of(key), []).append(key)
        for number, mine in by_shard.items():
            shard = self._shards.get(number) or self._read(self._store, number)
            if shard is None:
                continue
            self._shards[number] = shard
            found |= {key: shard.stored.pop(key) for key in mine if key in shard.stored}
        return found

    def unread(self, keys: Sequence[str]) -> Flags:
        """Which of the workloads [B] may have a memory in the store that isn't known yet."""
        if self._store is None or len(self._shards) == SHARDS:
            return np.zeros(len(keys), dtype=np.bool_)
        return np.array([shard_of(key) not in self._shards for key in keys], dtype=np.bool_)

    def save(
        self, keys: Sequence[str], remembered: Callable[[str], Remembered | None], now_s: float
    ) -> int:
        """Stores the shards whose turn it is; how many writes failed.

        Where another process wrote meanwhile, its record is read again and believed.
        """
        self._turn += 1
        by_shard: dict[int, list[str]] = {}
        for key in keys:
            by_shard.setdefault(shard_of(key), []).append(key)
        failed = 0
        for number, shard in list(self._shards.items()):
            if (number - self._turn) % self._save_every:
                continue
            told = {key: remembered(key) for key in by_shard.get(number, ())}
            mine = {key: item for key, item in told.items() if item is not None}
            away = {
                key: item for key, item in shard.stored.items() if now_s - item.seen_s < _KEPT_S
            }
            try:
                self._save(number, shard, away | mine)
            except (UserError, TemporaryError) as error:
                failed += 1
                _log.warning("memories can't be stored: %s", error)
        return failed

    def forget(self, gone: dict[str, Remembered]) -> None:
        """Keeps the memories of workloads that went away, for when they come back."""
        for key, item in gone.items():
            shard = self._shards.get(shard_of(key))
            if shard is not None:
                shard.stored[key] = item

    def _save(self, number: int, shard: _Shard, records: dict[str, Remembered]) -> None:
        assert self._store is not None
        workloads = {key: to_document(item) for key, item in records.items()}
        document = {"version": _VERSION, "workloads": workloads}
        data = json.dumps(document, separators=(",", ":"), allow_nan=False).encode()
        if not self._store.write_if(_key(number), data, shard.tag):
            _log.warning("%s was written by another process: it is read again", _key(number))
            del self._shards[number]
            return
        tagged = self._store.read_tagged(_key(number))
        shard.tag = tagged[1] if tagged else None

    def _read(self, store: Store, number: int) -> _Shard | None:
        try:
            tagged = store.read_tagged(_key(number))
            if tagged is None:
                return _Shard()
            return _Shard(tagged[1], _records(tagged[0], _key(number)))
        except (UserError, TemporaryError) as error:
            _log.warning("memories can't be read, so that memory doesn't shrink: %s", error)
            return None


def shard_of(key: str) -> int:
    """The shard in which a workload is stored."""
    return zlib.crc32(key.encode()) % SHARDS


def _records(data: bytes, name: str) -> dict[str, Remembered]:
    try:
        value = json.loads(data)
        if value["version"] != _VERSION:
            raise ValueError(f"version {value['version']} is not {_VERSION}")
        return {key: from_document(item) for key, item in value["workloads"].items()}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise UserError(f"{name} in the store can't be read ({error}): delete it") from error


def _key(number: int) -> str:
    return f"memories/{number:02d}.json"
