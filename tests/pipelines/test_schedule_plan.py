"""What has to be done so that the server has the wanted recurring runs."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.schedule_plan import (
    QUIET_AFTER,
    QUIET_BEFORE,
    Existing,
    Keep,
    Make,
    Remove,
    Step,
    Switch,
    Wanted,
    mark,
    quiet_from,
    read_mark,
    steps_between,
)

BEGIN = datetime(2026, 11, 1, tzinfo=UTC)


def wanted(name: str, seed: int = 0, enabled: bool = True) -> Wanted:
    return Wanted(name, "0 30 2 * * *", enabled, {"params": {"seed": seed}})


def existing(ask: Wanted, id_: str, enabled: bool = True, age_s: int = 0) -> Existing:
    created = BEGIN - timedelta(seconds=age_s)
    return Existing(id_, ask.name, ask.digest, enabled, ask.cron, created)


def after(present: list[Existing], steps: list[Step]) -> list[Existing]:
    """The server's recurring runs when the steps are taken."""
    left = {one.id: one for one in present}
    for step in steps:
        match step:
            case Keep():
                continue
            case Remove(one):
                del left[one.id]
            case Switch(one, enabled):
                left[one.id] = Existing(
                    one.id, one.name, one.digest, enabled, one.cron, one.created_at
                )
            case Make(ask, replaces):
                for one in replaces:
                    del left[one.id]
                left[f"new-{ask.name}"] = existing(ask, f"new-{ask.name}", ask.enabled)
    return list(left.values())


def test_what_differs_is_replaced_and_what_is_equal_is_kept() -> None:
    same, changed = wanted("same"), wanted("changed", seed=1)
    old = existing(wanted("changed", seed=2), "b")
    kept, gone = existing(same, "a"), existing(wanted("gone"), "c")
    assert steps_between([same, changed], [kept, old, gone]) == [
        Remove(gone),
        Keep(kept),
        Make(changed, (old,)),
    ]


def test_of_two_equal_ones_the_elder_stays() -> None:
    ask = wanted("twice")
    young, old = existing(ask, "a"), existing(ask, "b", age_s=5)
    assert steps_between([ask], [young, old]) == [Remove(young), Keep(old)]


def test_being_off_is_changed_in_place_after_a_leftover_is_gone() -> None:
    ask = wanted("off")
    off, left = existing(ask, "a", enabled=False), existing(wanted("off", seed=9), "b")
    assert steps_between([ask], [off, left]) == [Remove(left), Switch(off, True)]


@given(
    st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 2), st.booleans()), max_size=8),
    st.dictionaries(st.sampled_from("abc"), st.tuples(st.integers(0, 2), st.booleans())),
)
def test_whatever_is_there_one_application_is_enough(
    there: list[tuple[str, int, bool]], asked: dict[str, tuple[int, bool]]
) -> None:
    asks = [wanted(name, seed, enabled) for name, (seed, enabled) in asked.items()]
    present = [
        existing(wanted(name, seed), f"{index}", enabled, index)
        for index, (name, seed, enabled) in enumerate(there)
    ]
    result = after(present, steps_between(asks, present))
    assert sorted((one.name, one.digest, one.enabled) for one in result) == sorted(
        (ask.name, ask.digest, ask.enabled) for ask in asks
    )
    assert all(isinstance(step, Keep) for step in steps_between(asks, result))


def test_only_our_own_marks_are_read() -> None:
    digest = wanted("a").digest
    assert read_mark(mark("team", digest)) == ("team", digest)
    assert read_mark(None) is None
    assert read_mark("made by hand") is None


@pytest.mark.parametrize(
    ("now", "quiet"),
    [
        ("02:29:00", "02:29:00"),
        ("02:29:45", "02:29:45"),
        ("02:29:46", "02:30:05"),
        ("02:30:04", "02:30:05"),
        ("02:30:05", "02:30:05"),
    ],
)
def test_a_replacement_waits_until_no_run_is_due(now: str, quiet: str) -> None:
    def at(text: str) -> datetime:
        return datetime.fromisoformat(f"2026-11-25T{text}+00:00")

    assert quiet_from(["0 30 2 * * *"], at(now)) == at(quiet)


@given(st.lists(st.integers(0, 59), min_size=1, max_size=2), st.integers(0, 3600), st.booleans())
def test_the_moment_of_a_replacement_is_never_close_to_a_time(
    seconds: list[int], begin_s: int, hourly: bool
) -> None:
    minute = "7" if hourly else "*"
    now = BEGIN + timedelta(seconds=begin_s)
    moment = quiet_from([f"{second} {minute} * * * *" for second in seconds], now)
    assert now <= moment < now + timedelta(minutes=2)
    for second in seconds:
        for offset in range(-1, 3):
            due = moment.replace(second=second) + timedelta(minutes=offset)
            if not hourly or due.minute == 7:
                assert not -QUIET_AFTER < due - moment < QUIET_BEFORE
