"""Requests several at a time: order, bound, errors."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial

import pytest

from components.metrics.streams import in_order


@pytest.mark.parametrize("streams", [1, 2, 5])
def test_results_come_in_the_order_of_the_tasks(streams: int) -> None:
    # Even tasks wait for the next odd one, so that they end in another order than they began.
    events = [threading.Event() for _ in range(10)]

    def task(index: int) -> int:
        if index % 2:
            events[index - 1].set()
        elif streams > 1:
            assert events[index].wait(timeout=10)
        return index

    assert list(in_order([partial(task, index) for index in range(10)], streams)) == [*range(10)]


def test_no_more_tasks_are_begun_than_streams_until_a_result_is_taken() -> None:
    begun: list[int] = []

    def tasks() -> list[Callable[[], None]]:
        return [partial(begun.append, index) for index in range(9)]

    results = in_order(tasks(), 3)
    next(results)
    # One was taken, so at most 3 + 1 have been handed over.
    assert len(begun) <= 4
    assert len(list(results)) == 8
    assert sorted(begun) == [*range(9)]


def test_an_error_is_raised_in_its_turn_and_later_tasks_never_begin() -> None:
    begun: list[int] = []

    def task(index: int) -> int:
        begun.append(index)
        if index == 1:
            raise ValueError("the second")
        return index

    results = in_order([partial(task, index) for index in range(50)], 2)
    assert next(results) == 0
    with pytest.raises(ValueError, match="the second"):
        next(results)
    assert max(begun) <= 3
