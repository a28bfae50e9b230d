"""Faults of everything around a running loop, one at a time: nothing is lost, all comes right."""

from __future__ import annotations

import pytest

from tests.running_loop.checking import check, live_loop
from tests.running_loop.kinds import named


@pytest.mark.parametrize("kind", named())
def test_nothing_shrinks_is_half_written_or_needs_a_hand(
    kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    loop = live_loop()
    check(loop, [named()[kind]], caplog)
