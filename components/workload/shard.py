"""Parts of a list of workloads, so that several machines can share a stage's work.

A shard is written "2/5": the second of five parts. Parts are runs of neighbours and differ in
size by one at most, so that what they give, one after the other, is in the list's order again.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

from components.errors import UserError

WHOLE = "1/1"
_WRITTEN = re.compile(r"(?P<part>[1-9][0-9]{0,5})/(?P<parts>[1-9][0-9]{0,5})")

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Shard:
    """The `part`-th of `parts` parts, counted from 1."""

    part: int
    parts: int

    @property
    def whole(self) -> bool:
        """Whether there is no other part."""
        return self.parts == 1

    def of(self, items: Sequence[T]) -> tuple[T, ...]:
        """Return this part of the items; empty where there are fewer items than parts."""
        first, after = (len(items) * index // self.parts for index in (self.part - 1, self.part))
        return tuple(items[first:after])


ALL = Shard(1, 1)


def parse_shard(text: str) -> Shard:
    """Return the shard that is written so; raises UserError for what is no shard."""
    found = _WRITTEN.fullmatch(text)
    if found is None or int(found["part"]) > int(found["parts"]):
        raise UserError(f"shard is {text!r}; write such as 2/5 for the second of five parts")
    return Shard(int(found["part"]), int(found["parts"]))


def shards_of(count: int, size: int) -> list[str]:
    """Return as many shards, as they are written, as hold `count` items by `size` at most."""
    if size < 1:
        raise UserError(f"shard_size is {size}; give at least 1 workload")
    parts = max(1, -(-count // size))
    return [f"{part}/{parts}" for part in range(1, parts + 1)]
