"""A journal kept in a store, for pods that have no disk in common and none that outlives them.

A window is put there as soon as it is complete, whole or not at all: a pod that dies has asked for
nothing in vain, and the next one uploads only what is missing. Of two pods that ask for the same
window at once the first one's answer stays, so that both kinds of later runs read the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from components.artifacts.files import write_bytes
from components.artifacts.store import MissingObjectError, Store
from components.workload.shard import Shard


@dataclass(frozen=True, slots=True)
class StoredJournal:
    """The files of one shard's journal in a store."""

    store: Store
    shard: Shard

    def fetch(self, folder: Path) -> None:
        """Copy them into `folder`."""
        for key in self.store.list(f"{self._prefix}/"):
            try:
                write_bytes(folder / key.rpartition("/")[2], self.store.read(key))
            except MissingObjectError:  # another run has forgotten it meanwhile
                continue

    def put(self, file: Path) -> None:
        """Keep a file, unless one of its name is there."""
        self.store.write_if(self._key(file.name), file.read_bytes(), None)

    def forget(self, name: str) -> None:
        """Remove the file of this name."""
        self.store.delete(self._key(name))

    @property
    def _prefix(self) -> str:
        return f"{self.shard.part}-of-{self.shard.parts}"

    def _key(self, name: str) -> str:
        return f"{self._prefix}/{name}"
