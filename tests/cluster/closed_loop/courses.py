"""The courses of request rates, and the arms playing one at the same time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from components.cluster.compiled import FloatArray
from tests.cluster.closed_loop.arms import TITLES
from tests.cluster.closed_loop.course import LEAD_IN_S, Measured, Rig, play
from tests.cluster.closed_loop.lateness import Lateness
from tests.cluster.closed_loop.rows import show
from tests.recorder import cgroup
from tests.recorder.rates import DAY_S, RateShape, rate_series

PROFILES = ("daily", "bursty")


@dataclass(frozen=True, slots=True)
class Course:
    """Requests per second [T], one value a second, of a profile for the n-th time (from 0)."""

    profile: str
    repeat: int
    rates_per_s: FloatArray

    @property
    def name(self) -> str:
        """As its folder is called."""
        return f"{self.profile}-{self.repeat + 1}"


def courses_of(
    profiles: list[str], mean_per_s: float, seconds: int, repeats: int
) -> list[list[Course]]:
    """Each profile once, as often as it's repeated, every time with rates of its own."""
    return [
        [Course(name, repeat, rates_of(name, mean_per_s, seconds, repeat)) for name in profiles]
        for repeat in range(repeats)
    ]


def rates_of(profile: str, mean_per_s: float, seconds: int, repeat: int) -> FloatArray:
    """Requests per second [seconds]: a day compressed to the course, or bursts as fast as ever."""
    if profile == "daily":
        shape = RateShape(1.3 * mean_per_s, daily=0.6, phase=0.75, noise=0.08)
        day = rate_series(shape, np.random.default_rng([1, repeat]), DAY_S)
        return day[(np.arange(seconds) * DAY_S) // seconds]
    shape = RateShape(mean_per_s, bursts_per_hour=30, burst_height=1.6)
    return rate_series(shape, np.random.default_rng([2, repeat]))[:seconds]


async def play_together(
    rigs: dict[str, Rig], course: Course, say: Callable[[str], None]
) -> dict[str, Measured]:
    """All arms at once, each with its own API server, pods, Prometheus, and the same arrivals.

    So what the machine's neighbours do meets them alike. Each is shown when it ends.
    """
    late = Lateness()
    watching = asyncio.create_task(late.watch(LEAD_IN_S))
    kills = cgroup.oom_kills()

    async def one(arm: str) -> tuple[str, Measured]:
        measured = await play(rigs[arm], arm, course.rates_per_s, course.name)
        show(TITLES[arm], measured)
        return arm, measured

    try:
        measured = dict(await asyncio.gather(*map(one, rigs)))
    finally:
        watching.cancel()
    say(
        f"{course.name}: load generator late by {late.percentile(0.5):.1f} ms (median), "
        f"{late.percentile(0.99):.1f} ms (99 %); OOM kills on the machine "
        f"{cgroup.oom_kills() - kills}"
    )
    return measured
