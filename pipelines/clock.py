"""The time and how to wait for it: given to what needs either, so that tests wait for nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime


@dataclass(frozen=True, slots=True)
class Clock:
    """The time now (UTC), and how to wait some seconds."""

    now: Callable[[], datetime]
    sleep: Callable[[float], None]


def system_clock(sleep: Callable[[float], None]) -> Clock:
    """Return the machine's clock."""
    return Clock(now=lambda: datetime.now(UTC), sleep=sleep)
