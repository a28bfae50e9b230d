"""Several requests at a time, their answers in order, and never more than so many at once."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Result = TypeVar("Result")


def in_order(tasks: Iterable[Callable[[], Result]], streams: int) -> Iterator[Result]:
    """Yield each task's result in the order of the tasks.

    At most `streams` tasks run or wait to be yielded, which bounds the memory by so many results.
    A task's error is raised in its turn; those not begun by then never are.
    """
    pool = ThreadPoolExecutor(max_workers=streams)
    waiting: deque[Future[Result]] = deque()
    try:
        for task in tasks:
            if len(waiting) == streams:
                yield waiting.popleft().result()
            waiting.append(pool.submit(task))
        while waiting:
            yield waiting.popleft().result()
    finally:
        # An error needn't wait for requests that nobody will read.
        pool.shutdown(wait=not waiting, cancel_futures=True)
