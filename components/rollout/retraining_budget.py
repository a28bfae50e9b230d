"""How often a workload may be retrained: a cool-down that grows, and budgets, kept in the store.

A workload that flaps between two behaviours drifts at every check. Each retraining within the
window doubles its cool-down, and its own and the whole team's budget end the rest. One that its run
never ended, since it died, has spent of the budget and changed nothing: the workload needn't rest.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace

from components.artifacts.files import json_bytes
from components.artifacts.store import Store
from components.errors import TemporaryError, UserError

KEY = "retraining/spent.json"
_ATTEMPTS = 20


@dataclass(frozen=True, slots=True)
class Booking:
    """One retraining of a workload: when (seconds since 1970), in which run, and if that ended it.

    What earlier releases booked counts as ended.
    """

    at_s: float
    run: str
    ended: bool = True


Spent = Mapping[str, tuple[Booking, ...]]


@dataclass(frozen=True, slots=True)
class RetrainingLimits:
    """At most so many retrainings in any window of `window_s`, and how long after one is rest.

    `per_workload` bounds one workload, `in_all` all of them together (a training of one workload
    counts once). The rest after the n-th retraining in the window is cool_down_s * 2^(n - 1).
    """

    cool_down_s: float = 6 * 3600.0
    window_s: float = 7 * 86400.0
    per_workload: int = 4
    in_all: int = 200

    def __post_init__(self) -> None:
        if not 0.0 <= self.cool_down_s <= self.window_s < math.inf:
            raise UserError(
                "cool_down_s must be between 0 and window_s: lower it or raise window_s"
            )
        if min(self.per_workload, self.in_all) < 1:
            raise UserError("per_workload and in_all must be at least 1")


@dataclass(frozen=True, slots=True)
class Admission:
    """Which drifted workloads are retrained now, and why the others are not, by key."""

    admitted: tuple[str, ...]
    refused: Mapping[str, str]


def admit(
    spent: Spent, drifted: Sequence[str], limits: RetrainingLimits, now_s: float, run: str
) -> Admission:
    """Return what `run` may retrain now; `spent` holds past retrainings, `drifted` is in rank.

    Where the team's budget ends the first in rank get what is left. What the run itself has
    booked already it may do: its task was tried again.
    """
    others = {key: _of_others(bookings, run) for key, bookings in spent.items()}
    recent = within_window(others, limits, now_s)
    left = limits.in_all - sum(len(bookings) for bookings in recent.values())
    admitted: list[str] = []
    refused: dict[str, str] = {}
    for key in dict.fromkeys(drifted):
        reason = _refusal(recent.get(key, ()), limits, now_s)
        if reason is None and len(admitted) >= left:
            reason = f"all workloads together have spent {limits.in_all} retrainings"
        if reason is None:
            admitted.append(key)
        else:
            refused[key] = reason
    return Admission(tuple(admitted), refused)


def _refusal(bookings: Sequence[Booking], limits: RetrainingLimits, now_s: float) -> str | None:
    if len(bookings) >= limits.per_workload:
        days = limits.window_s / 86400.0
        return f"retrained {len(bookings)} times in {days:g} days: look at it, it flaps"
    times = [one.at_s for one in bookings if one.ended]
    if times:
        rest_s = max(times) + limits.cool_down_s * 2.0 ** (len(times) - 1) - now_s
        if rest_s > 0.0:
            return f"cools down for another {rest_s / 3600.0:.1f} hours"
    return None


def _of_others(bookings: Sequence[Booking], run: str) -> tuple[Booking, ...]:
    return tuple(one for one in bookings if one.run != run)


def within_window(
    spent: Spent, limits: RetrainingLimits, now_s: float
) -> dict[str, tuple[Booking, ...]]:
    """Return the retrainings that still count; those before the window are forgotten."""
    kept = {
        key: tuple(one for one in bookings if one.at_s > now_s - limits.window_s)
        for key, bookings in spent.items()
    }
    return {key: bookings for key, bookings in kept.items() if bookings}


def spend(
    store: Store, drifted: Sequence[str], limits: RetrainingLimits, now_s: float, run: str
) -> Admission:
    """Decide what `run` retrains now, and book it in the store by a conditional put.

    It is booked before the training: one that fails has cost its time too. Raises TemporaryError
    when others keep booking meanwhile.
    """
    for _ in range(_ATTEMPTS):
        spent, tag = _read(store)
        admission = admit(spent, drifted, limits, now_s, run)
        if not admission.admitted:
            return admission
        booked = within_window(spent, limits, now_s)
        for key in admission.admitted:
            booked[key] = (*_of_others(booked.get(key, ()), run), Booking(now_s, run, ended=False))
        if store.write_if(KEY, _document(booked), tag):
            return admission
    raise TemporaryError("other runs keep booking retrainings: run this one again")


def mark_ended(store: Store, run: str) -> None:
    """Book that `run` has done what it was admitted to; once more changes nothing.

    Raises TemporaryError when others keep booking meanwhile.
    """
    for _ in range(_ATTEMPTS):
        spent, tag = _read(store)
        marked = {
            key: tuple(replace(one, ended=one.ended or one.run == run) for one in bookings)
            for key, bookings in spent.items()
        }
        if marked == spent or store.write_if(KEY, _document(marked), tag):
            return
    raise TemporaryError("other runs keep booking retrainings: run this one again")


def _document(spent: Spent) -> bytes:
    return json_bytes({key: [asdict(one) for one in bookings] for key, bookings in spent.items()})


def _read(store: Store) -> tuple[Spent, str | None]:
    tagged = store.read_tagged(KEY)
    if tagged is None:
        return {}, None
    try:
        spent = {
            str(key): tuple(
                Booking(float(one["at_s"]), str(one["run"]), bool(one.get("ended", True)))
                for one in bookings
            )
            for key, bookings in json.loads(tagged[0]).items()
        }
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise UserError(f"{KEY} in the store is no list of retrainings: delete it") from error
    return spent, tagged[1]
