"""What a fault is: how it begins, how it ends, and how it is told."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import pandas as pd

from components.kubernetes_api.client import Json
from tests.running_loop.loop import Loop

LOG = "log"
Ending = Callable[[], None]


@dataclass(frozen=True, slots=True)
class Fault:
    """`inject` begins it and returns what ends it.

    `blind`: whether the loop then doesn't know the truth, so that nothing at all may shrink.
    `tells`: reasons of conditions of which one must be seen meanwhile, LOG where the API server
    itself can't be written to, so that only the log can say it; nothing where the loop goes on as
    if nothing had happened, which is then what must be seen.
    """

    name: str
    where: str
    inject: Callable[[Loop], Ending]
    tells: tuple[str, ...] = ()
    blind: bool = False


def calls_fail(
    error: Callable[[], BaseException], *parts: str, methods: Iterable[str] = ()
) -> Callable[[Loop], Ending]:
    """Every call to the API server fails whose path contains a part (none: every path)."""
    only = frozenset(methods)

    def inject(loop: Loop) -> Ending:
        def hook(method: str, path: str) -> None:
            named = not parts or any(part in path for part in parts)
            if named and (not only or method in only):
                raise error()

        loop.cluster.before.append(hook)
        return lambda: loop.cluster.before.remove(hook)

    return inject


def slow_calls(seconds: float, error: Callable[[], BaseException]) -> Callable[[Loop], Ending]:
    """Every call to the API server takes so long and then fails."""

    def inject(loop: Loop) -> Ending:
        def hook(method: str, path: str) -> None:
            loop.now_s += seconds
            raise error()

        loop.cluster.before.append(hook)
        return lambda: loop.cluster.before.remove(hook)

    return inject


def store_fails(
    error: Callable[[], BaseException], part: str = "", operations: Iterable[str] = ()
) -> Callable[[Loop], Ending]:
    """Every call to the store fails for keys with this part."""
    only = frozenset(operations)

    def inject(loop: Loop) -> Ending:
        def hook(operation: str, key: str) -> None:
            if part in key and (not only or operation in only):
                raise error()

        loop.store.before.append(hook)
        return lambda: loop.store.before.remove(hook)

    return inject


def slow_store(seconds: float) -> Callable[[Loop], Ending]:
    """Every call to the store takes so long and then succeeds."""

    def inject(loop: Loop) -> Ending:
        def hook(operation: str, key: str) -> None:
            loop.now_s += seconds

        loop.store.before.append(hook)
        return lambda: loop.store.before.remove(hook)

    return inject


def telemetry(change: Callable[[pd.DataFrame, float], pd.DataFrame]) -> Callable[[Loop], Ending]:
    """Telemetry is changed on its way."""

    def inject(loop: Loop) -> Ending:
        loop.telemetry.faults.append(change)
        return lambda: loop.telemetry.faults.remove(change)

    return inject


def reads(**values: float) -> Callable[[Loop], Ending]:
    """Columns read as a constant."""
    return telemetry(lambda frame, now_s: frame.assign(**values))


def scaled(**factors: float) -> Callable[[Loop], Ending]:
    """Columns are in another unit."""
    return telemetry(
        lambda frame, now_s: frame.assign(
            **{name: frame[name] * factor for name, factor in factors.items()}
        )
    )


def object_there(path: str, document: Json) -> Callable[[Loop], Ending]:
    """An object lies in the cluster meanwhile."""

    def inject(loop: Loop) -> Ending:
        loop.cluster.put_object(path, document)

        def end() -> None:
            loop.cluster.objects.pop(path, None)

        return end

    return inject
