from __future__ import annotations

from datetime import UTC, datetime

import pytest

from components.actuator.actions import ResizePod, SetReplicas
from components.actuator.maintenance import open_window, windows_of
from components.kubernetes_api.errors import BadObjectError
from components.kubernetes_api.names import MAINTENANCE_ANNOTATION
from tests.components.actuator.objects import (
    GROW,
    LARGE,
    LARGE_SETS,
    autoscaler,
    kinds,
    planned,
    pod,
    situation,
    target,
)


def at(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


# 2026-01-03 is a Saturday.
@pytest.mark.parametrize(
    ("window", "time", "is_open"),
    [
        ("22:00-23:30", "2026-01-01T22:00", True),
        ("22:00-23:30", "2026-01-01T23:30", False),
        ("22:00-02:00", "2026-01-02T01:59", True),
        ("22:00-02:00", "2026-01-02T02:00", False),
        ("Sat 22:00-02:00", "2026-01-04T01:00", True),
        ("Sat 22:00-02:00", "2026-01-03T01:00", False),
        ("Sat,Sun 00:00-24:00", "2026-01-04T23:59", True),
        ("Sat,Sun 00:00-24:00", "2026-01-05T00:00", False),
        ("2026-01-01T18:00Z/2026-01-02T06:00Z", "2026-01-02T05:59", True),
        ("2026-01-01T18:00+02:00/2026-01-02T06:00Z", "2026-01-01T16:00", True),
        ("2026-01-01T18:00Z/2026-01-02T06:00Z", "2026-01-02T06:00", False),
        ("", "2026-01-02T06:00", False),
    ],
)
def test_a_window_is_open_from_its_start_to_before_its_end(
    window: str, time: str, is_open: bool
) -> None:
    assert (open_window(window, at(time)) is not None) == is_open


def test_of_several_open_windows_the_one_that_holds_all_counts() -> None:
    windows = "20:00-24:00; 21:00-22:00 all"
    early, late = (
        open_window(windows, at("2026-01-01T20:30")),
        open_window(windows, at("2026-01-01T21:30")),
    )
    assert early is not None
    assert late is not None
    assert (early.holds_all, late.holds_all) == (False, True)


@pytest.mark.parametrize(
    "text",
    [
        "tonight",
        "25:00-26:00",
        "20:61-21:00",
        "Someday 20:00-21:00",
        "20:00-21:00 everything",
        "2026-01-02T06:00Z/2026-01-01T18:00Z",
        "2026-01-01T18:00/2026-01-02T06:00",
    ],
)
def test_what_is_no_window_is_named_and_an_example_given(text: str) -> None:
    with pytest.raises(BadObjectError, match="is no window; write for example"):
        windows_of(text)


def mine(windows: str, replicas: int = 2, **size: str):
    return autoscaler(replicas, annotations={MAINTENANCE_ANNOTATION: windows}, **size)


def test_in_a_window_nothing_shrinks_and_growth_goes_on() -> None:
    large = situation(
        target(replicas=3, size=LARGE),
        (pod("a", LARGE), pod("b", LARGE), pod("c", LARGE)),
        replica_sets=LARGE_SETS,
    )
    smaller = planned(mine("00:00-24:00"), large)
    assert (smaller.actions, smaller.reason) == ((), "Held")
    assert "nothing shrinks in the maintenance window '00:00-24:00'" in smaller.message
    in_step = situation(target(size=LARGE), replica_sets=LARGE_SETS)
    larger = planned(mine("00:00-24:00", 4, **GROW), in_step)
    assert kinds(larger) == [SetReplicas, ResizePod, ResizePod]


def test_a_window_that_holds_all_holds_growth_too() -> None:
    plan = planned(mine("00:00-24:00 all", 4, **GROW))
    assert (plan.actions, plan.able, plan.reason) == ((), False, "MaintenanceWindow")


def test_a_window_that_cannot_be_read_holds_everything_and_says_why() -> None:
    plan = planned(mine("tonight", 4))
    assert (plan.actions, plan.able, plan.reason) == ((), False, "BadMaintenanceWindow")
    assert "'tonight' is no window" in plan.message
