"""Maintenance windows: times in which a workload must not shrink, or not be touched at all.

The annotation holds windows separated by semicolons, in UTC:

    22:00-02:00                       every day, over midnight
    Sat,Sun 00:00-24:00               on these days
    Fri 20:00-23:00 all               nothing is changed, not even to grow
    2026-12-24T18:00Z/2026-12-27T06:00Z   once

A window over midnight belongs to the day on which it begins.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from components.kubernetes_api.errors import BadObjectError
from components.kubernetes_api.names import MAINTENANCE_ANNOTATION

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_DAILY = re.compile(r"(?:([A-Za-z,]+) )?(\d\d):(\d\d)-(\d\d):(\d\d)")
_ONCE = re.compile(r"(\S+)/(\S+)")
_DAY_MINUTES = 24 * 60


@dataclass(frozen=True, slots=True)
class Window:
    """Minutes of the day on some weekdays (Monday is 0), or once from `start_s` to `end_s` (1970).

    `holds_all`: whether growth is held too. `text`: as the user wrote it.
    """

    text: str
    holds_all: bool
    days: frozenset[int] = frozenset(range(7))
    start_minute: int = 0
    end_minute: int = 0
    start_s: float | None = None
    end_s: float | None = None

    def open_at(self, now_s: float) -> bool:
        """Whether the time lies within; the end does not."""
        if self.start_s is not None and self.end_s is not None:
            return self.start_s <= now_s < self.end_s
        now = datetime.fromtimestamp(now_s, UTC)
        minute = 60 * now.hour + now.minute
        if self.start_minute < self.end_minute:
            return now.weekday() in self.days and self.start_minute <= minute < self.end_minute
        yesterday = (now - timedelta(days=1)).weekday()
        late = now.weekday() in self.days and minute >= self.start_minute
        return late or (yesterday in self.days and minute < self.end_minute)


def open_window(text: str, now_s: float) -> Window | None:
    """The window that is open now, one that holds all before one that doesn't.

    Raises BadObjectError for a text that can't be understood: it says what to write.
    """
    found = [window for window in windows_of(text) if window.open_at(now_s)]
    return max(found, key=lambda window: window.holds_all, default=None)


def windows_of(text: str) -> tuple[Window, ...]:
    """The windows that the annotation names; raises BadObjectError."""
    return tuple(_window(part.strip()) for part in text.split(";") if part.strip())


def _window(text: str) -> Window:
    words = text.removesuffix(" all")
    holds_all = words != text
    if daily := _DAILY.fullmatch(words):
        days, *numbers = daily.groups()
        start_minute, end_minute = _minute(text, *numbers[:2]), _minute(text, *numbers[2:])
        return Window(
            text, holds_all, _weekdays(text, days), start_minute % _DAY_MINUTES, end_minute
        )
    if once := _ONCE.fullmatch(words):
        start_s, end_s = (_time_s(text, part) for part in once.groups())
        if end_s > start_s:
            return Window(text, holds_all, start_s=start_s, end_s=end_s)
    raise _wrong(text)


def _minute(text: str, hour: str, minute: str) -> int:
    minutes = 60 * int(hour) + int(minute)
    if int(minute) > 59 or minutes > _DAY_MINUTES:
        raise _wrong(text)
    return minutes


def _weekdays(text: str, days: str | None) -> frozenset[int]:
    names = days.split(",") if days else _DAYS
    if any(name not in _DAYS for name in names):
        raise _wrong(text)
    return frozenset(_DAYS.index(name) for name in names)


def _time_s(text: str, part: str) -> float:
    try:
        time = datetime.fromisoformat(part)
    except ValueError as error:
        raise _wrong(text) from error
    if time.tzinfo is None:
        raise _wrong(text)
    return time.timestamp()


def _wrong(text: str) -> BadObjectError:
    return BadObjectError(
        f"annotation {MAINTENANCE_ANNOTATION}: {text!r} is no window; write for example"
        " 'Sat,Sun 22:00-04:00 all' or '2026-12-24T18:00Z/2026-12-27T06:00Z' (UTC)"
    )
