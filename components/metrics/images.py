"""Which images ran when, and since when a new one did."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from components.metrics.grid import Grid
from components.metrics.series import Measurement


@dataclass(frozen=True, slots=True)
class Running:
    """The images that containers of a workload run from a time on."""

    time_ms: int
    images: frozenset[str]


def running_in(measurement: Measurement | None, grid: Grid) -> tuple[Running, ...]:
    """Return what ran whenever it changed; a step in which nothing is known changes nothing."""
    rows = measurement.rows if measurement else {}
    names = sorted(rows)
    present = np.array([np.isfinite(rows[name]) for name in names]).reshape(len(names), grid.steps)
    known = np.flatnonzero(present.any(axis=0))
    found: list[Running] = []
    for step in known:
        images = frozenset(name for name, here in zip(names, present[:, step], strict=True) if here)
        if not found or images != found[-1].images:
            found.append(Running(int(grid.times_ms[step]), images))
    return tuple(found)


def new_images(running: Iterable[Running]) -> tuple[int, ...]:
    """Return the times (ms) at which an image began that didn't run just before.

    The first that is known of began at no known time.
    """
    times: list[int] = []
    before: frozenset[str] | None = None
    for one in sorted(running, key=lambda one: one.time_ms):
        if before is not None and one.images - before:
            times.append(one.time_ms)
        before = one.images
    return tuple(times)
