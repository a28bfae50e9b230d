"""Who retrains what: of all runs that schedule, alert and people start one goes on, in limits."""

from __future__ import annotations

from collections.abc import Sequence

from components.artifacts.lock import RETRAINING, give_lock_back, take_lock
from components.artifacts.store import Store
from components.rollout.retraining_budget import (
    Admission,
    RetrainingLimits,
    mark_ended,
    spend,
)


def admitted_in_turn(
    store: Store,
    drifted: Sequence[str],
    run: str,
    now_s: float,
    lock_s: float,
    limits: RetrainingLimits,
) -> Admission:
    """Return which of the drifted workloads `run` retrains, and why it leaves the others.

    While one run has the turn, `lock_s` seconds, another retrains nothing. Where nothing drifted
    or everything has to rest no turn is taken. A run that asks again under its own name keeps its
    turn and what it was admitted. `lock_s` 0 asks for neither turn nor budget: somebody has
    decided by hand.
    """
    if not drifted or lock_s <= 0.0:
        return Admission(tuple(drifted), {})
    if take_lock(store, RETRAINING, run, now_s, lock_s) is None:
        return Admission((), dict.fromkeys(drifted, "another run is retraining"))
    admission = spend(store, drifted, limits, now_s, run)
    if not admission.admitted:
        give_lock_back(store, RETRAINING, run, now_s)
    return admission


def end_turn(store: Store, run: str, now_s: float) -> None:
    """Say that `run` has rolled out what it was admitted to, and let the next one have the turn.

    Of a run that dies before, the turn ends by itself, and its workloads needn't rest.
    """
    mark_ended(store, run)
    give_lock_back(store, RETRAINING, run, now_s)
