"""Two faults at once, drawn at random with a seed: what holds for each holds for both."""

from __future__ import annotations

import random

import pytest

from tests.running_loop.checking import check, live_loop
from tests.running_loop.kinds import named

PAIRS = 64
SEED = 7
# The clock is then as wrong as the series: nothing is to be seen, and what is read is true.
UNDO_EACH_OTHER = {("Prometheus: stale by an hour", "clock: an hour back")}


def pairs() -> list[tuple[str, str]]:
    """The drawn pairs of kinds; no pair twice, none whose faults undo each other."""
    source, names = random.Random(SEED), list(named())
    drawn: set[tuple[str, str]] = set()
    while len(drawn) < PAIRS:
        one, other = sorted(source.sample(names, 2))
        drawn |= {(one, other)} - UNDO_EACH_OTHER
    return sorted(drawn)


@pytest.mark.parametrize("pair", pairs(), ids=" and ".join)
def test_two_faults_at_once_take_nothing_and_pass_without_a_hand(
    pair: tuple[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    kinds = named()
    check(live_loop(), [kinds[name] for name in pair], caplog)


def test_every_place_where_faults_happen_is_paired_with_others() -> None:
    kinds = named()
    places = {kinds[name].where for pair in pairs() for name in pair}
    assert places == {fault.where for fault in kinds.values()}
