"""Memory that is really touched, kept after use, and given back to the system slowly."""

from __future__ import annotations

import mmap

_PAGE = 4096


def touched(size_bytes: int) -> mmap.mmap | None:
    """Return anonymous memory of which every page was written, or None for no bytes."""
    if size_bytes <= 0:
        return None
    block = mmap.mmap(-1, size_bytes, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    block[::_PAGE] = b"\1" * len(range(0, size_bytes, _PAGE))
    return block


class RequestMemory:
    """A pool of blocks, one per request being served; idle blocks are released by and by."""

    def __init__(self, block_bytes: int, release_per_s: float) -> None:
        self._block_bytes = block_bytes
        self._release_per_s = release_per_s
        self._idle: list[mmap.mmap] = []
        self._owed = 0.0

    def take(self) -> mmap.mmap | None:
        """Return an idle block, or a new one that the request has to touch."""
        return self._idle.pop() if self._idle else touched(self._block_bytes)

    def give_back(self, block: mmap.mmap | None) -> None:
        """Keep the block for the next request."""
        if block is not None:
            self._idle.append(block)

    def release(self, elapsed_s: float) -> None:
        """Give the share of idle blocks that is due back to the system."""
        self._owed = min(self._owed + self._release_per_s * elapsed_s * len(self._idle), 1e6)
        while self._idle and self._owed >= 1.0:
            self._idle.pop().close()
            self._owed -= 1.0


class Cache:
    """Entries of a fixed size that fill with use, to a maximum; then the oldest goes."""

    def __init__(self, entry_bytes: int, entries: int) -> None:
        self._entry_bytes = entry_bytes
        self._entries = entries
        self._held: dict[int, mmap.mmap | None] = {}

    def look_up(self, key: int) -> bool:
        """Return whether the key was there; afterwards it is, unless nothing may be held."""
        if key in self._held:
            return True
        if self._entries > 0:
            while len(self._held) >= self._entries:
                oldest = self._held.pop(next(iter(self._held)))
                if oldest is not None:
                    oldest.close()
            self._held[key] = touched(self._entry_bytes)
        return False
