"""A lock in the store: of several runs that want to do the same thing, one does it."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass

from components.artifacts.files import json_bytes
from components.artifacts.store import Store, checked_key
from components.errors import UserError

RETRAINING = "retraining"


@dataclass(frozen=True, slots=True)
class Lock:
    """Who holds the lock, and until when (seconds since 1970) unless it is given back before.

    `turn` grows by one with each new holder: what a holder writes can carry it, and a holder that
    slept past its end is told by its smaller number.
    """

    owner: str
    until_s: float
    turn: int


def take_lock(store: Store, name: str, owner: str, now_s: float, held_for_s: float) -> Lock | None:
    """Return the lock if `owner` holds it now, None while another one does.

    An expired lock is taken over. The holder that asks again holds it for longer: a restarted run
    goes on. The taking is one conditional put, so that of many who ask at once one gets it. The
    clocks of those who ask must agree to much less than `held_for_s`.
    """
    if not owner or held_for_s <= 0.0:
        raise ValueError("a lock needs an owner and a time to be held")
    held, tag = _read(store, name)
    if held is not None and held.owner != owner and held.until_s > now_s:
        return None
    turn = 1 if held is None else held.turn + (held.owner != owner or held.until_s <= now_s)
    wanted = Lock(owner, now_s + held_for_s, turn)
    return wanted if store.write_if(_key(name), json_bytes(asdict(wanted)), tag) else None


def give_lock_back(store: Store, name: str, owner: str, now_s: float) -> bool:
    """End the owner's hold now; return False when it no longer held the lock."""
    held, tag = _read(store, name)
    if held is None or held.owner != owner or held.until_s <= now_s:
        return False
    ended = Lock(owner, now_s, held.turn)
    return store.write_if(_key(name), json_bytes(asdict(ended)), tag)


def lock_holder(store: Store, name: str, now_s: float) -> Lock | None:
    """Return the lock that is held now; None when it is free."""
    held, _ = _read(store, name)
    return held if held is not None and held.until_s > now_s else None


def _key(name: str) -> str:
    return checked_key(f"locks/{name}.json")


def _read(store: Store, name: str) -> tuple[Lock | None, str | None]:
    tagged = store.read_tagged(_key(name))
    if tagged is None:
        return None, None
    try:
        document = json.loads(tagged[0])
        lock = Lock(str(document["owner"]), float(document["until_s"]), int(document["turn"]))
    except (KeyError, TypeError, ValueError) as error:
        raise UserError(f"{_key(name)} in the store is not a lock: delete it") from error
    if not math.isfinite(lock.until_s):
        raise UserError(f"{_key(name)} in the store never ends: delete it")
    return lock, tagged[1]
