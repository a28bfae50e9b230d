"""A line of the closed loop's table."""

from __future__ import annotations

from collections.abc import Mapping

from tests.cluster.closed_loop.course import Measured

_FIELDS = ("reward", "violation", "cpu_utilisation", "memory_utilisation", "oom_kills")
_COLUMNS = ("reward", "violated", "CPU used", "mem used", "kills", "core-s", "GiB-s", "actions/h")


def header() -> str:
    """The names of the columns."""
    return f"  {'':24}{''.join(f'{name:>10}' for name in _COLUMNS)} requests   missed"


def row(title: str, figures: Mapping[str, float]) -> str:
    """Of EPISODE_FIELDS, simulated or measured."""
    numbers = "".join(f"{figures[field]:10.3f}" for field in _FIELDS)
    cores_s, gib_s = 3600 * figures["core_hours"], 3600 * figures["gib_hours"]
    return f"  {title:24}{numbers}{cores_s:10.1f}{gib_s:10.2f}{figures['actions_per_hour']:10.1f}"


def show(title: str, one: Measured) -> None:
    """Prints what a course came to."""
    share = one.requests.missed / max(one.requests.total, 1)
    requests = f"{one.requests.total:9d}{share:9.2%}   load {one.load[0]:.1f}-{one.load[1]:.1f}"
    print(row(title, one.figures) + requests, flush=True)
