"""From a Prometheus into the journal, window by window, and from there workload by workload."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Protocol, TypeVar

from components.errors import TemporaryError
from components.ingestion.journal import Journal
from components.metrics.grid import Grid
from components.metrics.piece import Piece, joined
from components.metrics.scrape import queries_of, taken_of
from components.metrics.sources import Taken
from components.workload.spec import Workload

# A window's answers hold about so many samples each, which bounds the memory whatever is asked.
MOST_SAMPLES = 250_000
# A day: Prometheus refuses more than 11,000 points a series. It is halved so often at most.
MOST_STEPS, MOST_HALVINGS = 5_760, 7
# The pieces that are put together at once: 30 MB of numbers.
MOST_JOINED_STEPS = 250_000
PAUSE_S = 2.0
_NOTHING = "Prometheus has no series of it in this time; check start, end and its names"

Found = TypeVar("Found")


class Ask(Protocol):
    """What asks for one window."""

    def __call__(
        self, workloads: Sequence[Workload], grid: Grid, tell: Callable[[str], None], /
    ) -> dict[str, Piece]:
        """Return each workload's piece by key; `tell` is given each metric before it is read."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to wait for a server that fails, before giving up: it may be restarting."""

    within_s: float
    pause_s: float = PAUSE_S
    sleep: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic


def fill(
    journal: Journal,
    ask: Ask,
    workloads: Sequence[Workload],
    grid: Grid,
    series: int,
    patience: Patience,
    tell: Callable[[int, int, str], None],
) -> int:
    """Ask for what the journal lacks of the grid; return how many windows that were.

    An answer is expected to hold `series` series. `tell(done, total, what)` counts queries. Each
    window is kept as soon as it is complete. Raises what `ask` raises; a TemporaryError only once
    patience is at its end.
    """
    missing = journal.missing(workloads, grid, window_steps(series))
    queries = len(queries_of(workloads, 1))
    for done, (window, asked) in enumerate(missing):
        count = itertools.count(done * queries)

        def told(what: str, count: Iterator[int] = count) -> None:
            tell(min(next(count), len(missing) * queries), len(missing) * queries, what)

        def asking(window: Grid = window, asked: tuple[Workload, ...] = asked) -> dict[str, Piece]:
            return ask(asked, window, told)

        pieces = _patiently(asking, patience, told)
        journal.keep(window, {workload: pieces[workload.key] for workload in asked})
    return len(missing)


def window_steps(series: int) -> int:
    """Return how many steps a window of so many series has: a day's, or a half of it, and so on."""
    halvings = 0
    while halvings < MOST_HALVINGS and (MOST_STEPS >> halvings) * series > MOST_SAMPLES:
        halvings += 1
    return MOST_STEPS >> halvings


def taken_from(
    journal: Journal, workloads: Sequence[Workload], grid: Grid, rate_window_s: int
) -> Iterator[Taken]:
    """Yield what the journal holds of each workload on the grid, in their order."""
    queries = queries_of(workloads, rate_window_s)
    at_once = max(1, MOST_JOINED_STEPS // grid.steps)
    for begin in range(0, len(workloads), at_once):
        some = workloads[begin : begin + at_once]
        pieces = journal.pieces(some, grid)
        for workload in some:
            piece = joined(pieces.pop(workload.key), grid)
            taken = taken_of(workload, piece, queries)
            yield taken if piece.met.present else replace(taken, problem=_NOTHING)


def _patiently(ask: Callable[[], Found], patience: Patience, tell: Callable[[str], None]) -> Found:
    end_s: float | None = None
    while True:
        try:
            return ask()
        except TemporaryError as error:
            now_s = patience.clock()
            end_s = now_s + patience.within_s if end_s is None else end_s
            if now_s + patience.pause_s > end_s:
                raise
            tell(f"waiting: {error}")
            patience.sleep(patience.pause_s)
