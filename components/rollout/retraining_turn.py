"""Whose turn it is to retrain: of the runs that schedule, alert and people start, one goes on."""

from __future__ import annotations

from components.artifacts.lock import RETRAINING, take_lock
from components.artifacts.store import Store


def drifted_in_turn(store: Store, drifted: int, owner: str, now_s: float, lock_s: float) -> int:
    """Return `drifted` where `owner` has the turn to retrain, else 0: nothing is to be done.

    The turn lasts `lock_s` seconds whether the run ends well or not, so that it is the cool-down
    after a retraining too. Where nothing drifted no turn is taken. A run that is started again
    under its own name keeps its turn.
    """
    if drifted == 0 or lock_s <= 0.0:
        return drifted
    return drifted if take_lock(store, RETRAINING, owner, now_s, lock_s) is not None else 0
