"""Faults of the processes themselves, their clocks and the policy."""

from __future__ import annotations

from collections.abc import Callable
from unittest import mock

from components.recommender.decisions import Controllers
from tests.running_loop.fault import Ending, Fault
from tests.running_loop.loop import Killed, Loop, Process


def nothing() -> None:
    """What is over at once has no end."""


def killed(loop: Loop) -> Ending:
    """Both processes, by SIGKILL."""
    for process in (*loop.recommenders, *loop.actuators):
        process.restart()
    return nothing


def killed_at_writes(loop: Loop) -> Ending:
    """Whoever writes is killed when the server has done it, at every other write."""
    count = 0

    def hook(method: str, path: str) -> None:
        nonlocal count
        count += "/leases" not in path
        if "/leases" not in path and count % 2:
            raise Killed

    loop.cluster.after.append(hook)
    return lambda: loop.cluster.after.remove(hook)


def killed_at_store_writes(loop: Loop) -> Ending:
    """The recommender is killed when the store has done it, at every other write."""
    count = 0

    def hook(operation: str, key: str) -> None:
        nonlocal count
        count += 1
        if count % 2:
            raise Killed

    loop.store.after.append(hook)
    return lambda: loop.store.after.remove(hook)


def second_recommender(loop: Loop) -> Ending:
    """Another recommender wants to decide too."""
    return _second(loop.recommenders, lambda: loop.new_recommender("recommender-b"))


def second_actuator(loop: Loop) -> Ending:
    """Another actuator wants to act too."""
    return _second(loop.actuators, lambda: loop.new_actuator("actuator-b"))


def _second(processes: list[Process], start: Callable[[], Callable[[], None]]) -> Ending:
    process = Process(start)
    # In front: it asks for the Lease first.
    processes.insert(0, process)
    return lambda: processes.remove(process)


def recommender_hangs(loop: Loop) -> Ending:
    """It renews no Lease and decides nothing."""
    process = loop.recommenders.pop()
    return lambda: loop.recommenders.append(process)


def skewed(seconds: float) -> Callable[[Loop], Ending]:
    """Wall clocks jump."""

    def inject(loop: Loop) -> Ending:
        loop.skew_s += seconds

        def end() -> None:
            loop.skew_s -= seconds

        return end

    return inject


def proposing(*values: float) -> Callable[[Loop], Ending]:
    """The policy proposes these replicas, millicores and bytes, whichever process asks it."""

    def inject(loop: Loop) -> Ending:
        real = Controllers.propose

        def spoilt(self: Controllers, *given: object, **named: object) -> object:
            proposals = real(self, *given, **named)  # type: ignore[arg-type]
            proposals.policy[:] = values
            return proposals

        patch = mock.patch.object(Controllers, "propose", spoilt)
        patch.start()
        return patch.stop

    return inject


_FAR = 3600.0
_HELD_OR_BACK = ("HeldLastGood", "IncumbentDecided")
NAN, INFINITE = float("nan"), float("inf")
FAULTS: tuple[Fault, ...] = (
    Fault("kill -9 of both", "processes", killed),
    Fault("kill -9 at every other write to the API server", "processes", killed_at_writes),
    Fault("kill -9 at every other write to the store", "processes", killed_at_store_writes),
    Fault("two recommenders", "processes", second_recommender),
    Fault("two actuators", "processes", second_actuator),
    Fault("the recommender hangs", "processes", recommender_hangs, blind=True),
    Fault("an hour ahead", "clock", skewed(_FAR), ("HeldLastGood",), blind=True),
    Fault("an hour back", "clock", skewed(-_FAR), ("HeldLastGood",), blind=True),
    Fault("NaN", "policy", proposing(NAN, NAN, NAN), _HELD_OR_BACK),
    Fault("infinite", "policy", proposing(INFINITE, INFINITE, INFINITE), _HELD_OR_BACK),
    Fault("out of range", "policy", proposing(1e9, 1e9, 1e15), _HELD_OR_BACK),
    Fault("negative", "policy", proposing(-1.0, -100.0, -1e8), _HELD_OR_BACK),
    Fault("nothing at all", "policy", proposing(0.0, 0.0, 0.0), _HELD_OR_BACK),
)
