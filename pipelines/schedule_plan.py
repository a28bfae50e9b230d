"""From what is wanted and what the server has to the steps between them; nothing is asked here.

A recurring run can't be changed (kubeflow/pipelines#6001), so a changed one is made anew: the old
one stops, the new one is made, the old one goes. Each step leaves a state from which the next
application of the same file arrives at the same end.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from croniter import croniter

# A replacement takes about a second; clocks of two machines may differ by some more.
QUIET_BEFORE = timedelta(seconds=15)
QUIET_AFTER = timedelta(seconds=5)

_MARK = re.compile(r"aware schedule, set ([-a-z0-9]+), digest ([0-9a-f]{16})")


@dataclass(frozen=True, slots=True)
class Existing:
    """A recurring run of this set on the server."""

    id: str
    name: str
    digest: str
    enabled: bool
    cron: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Wanted:
    """A recurring run as asked for: `request` is what the server is told, beside the mode."""

    name: str
    cron: str
    enabled: bool
    request: Mapping[str, Any]

    @property
    def digest(self) -> str:
        """Of all that can't be changed in place."""
        text = json.dumps([self.name, self.cron, self.request], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class Keep:
    """It is as asked for."""

    existing: Existing


@dataclass(frozen=True, slots=True)
class Switch:
    """It is as asked for, but for being on or off."""

    existing: Existing
    enabled: bool


@dataclass(frozen=True, slots=True)
class Make:
    """It has to be made, in the place of `replaces`."""

    wanted: Wanted
    replaces: tuple[Existing, ...]


@dataclass(frozen=True, slots=True)
class Remove:
    """Nobody asks for it any longer, or it is there twice."""

    existing: Existing


Step = Keep | Switch | Make | Remove


def mark(set_name: str, digest: str) -> str:
    """Return the description by which a recurring run is known again."""
    return f"aware schedule, set {set_name}, digest {digest}"


def read_mark(description: str | None) -> tuple[str, str] | None:
    """Return (set, digest) of a description that `mark` made, else None."""
    found = _MARK.fullmatch(description or "")
    return (found[1], found[2]) if found else None


def steps_between(wanted: Sequence[Wanted], existing: Iterable[Existing]) -> list[Step]:
    """Return the steps from `existing` to `wanted`; none but Keep where nothing differs.

    What is too much goes before anything is switched on, so that nothing runs twice.
    """
    by_name: dict[str, list[Existing]] = {}
    for one in sorted(existing, key=lambda one: (one.created_at, one.id)):
        by_name.setdefault(one.name, []).append(one)
    removals: list[Step] = []
    others: list[Step] = []
    for ask in wanted:
        present = by_name.pop(ask.name, [])
        same = [one for one in present if one.digest == ask.digest]
        if not same:
            others.append(Make(ask, tuple(present)))
            continue
        removals += [Remove(one) for one in present if one is not same[0]]
        if same[0].enabled == ask.enabled:
            others.append(Keep(same[0]))
        else:
            others.append(Switch(same[0], ask.enabled))
    removals += [Remove(one) for present in by_name.values() for one in present]
    return removals + others


def quiet_from(crons: Iterable[str], now: datetime) -> datetime:
    """Return the first moment from `now` on that isn't close to a time of `crons`.

    A run that is due while its schedule is replaced would be lost or made twice. Minutes and
    seconds alone matter for that, so the server's time zone does as far as it differs from UTC by
    whole hours.
    """
    moment = now
    times = [_times(cron, now) for cron in crons]
    # With all of them within a minute of each other the moment moves on at most once for each.
    for _ in range(len(times) + 1):
        close = [time for near in times for time in near if _is_close(time, moment)]
        if not close:
            break
        moment = max(close) + QUIET_AFTER
    return moment


def _times(cron: str, now: datetime) -> list[datetime]:
    clock = croniter(cron, now - QUIET_AFTER - timedelta(seconds=1), second_at_beginning=True)
    return [clock.get_next(datetime) for _ in range(3)]


def _is_close(time: datetime, moment: datetime) -> bool:
    return -QUIET_AFTER < time - moment < QUIET_BEFORE
