"""Which bundles nobody needs any more, and how to delete them beside writers that may need them.

A bundle is deleted only under a claim, an object `collecting/DIGEST.json` made by a conditional
put. The collector claims, then reads all channels, then deletes what none of them names, then
gives the claim up. A writer publishes, then moves the channel, then looks for a claim
(`keep_published`). Either the claim came before that look: the writer waits and publishes again.
Or it came after: then the channel had moved before the collector read it. So no channel is left
without its bundle, whichever clock is wrong and whoever dies in between.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from components.artifacts.bundle import Bundle, Signer, encode, publish
from components.artifacts.channel import Channel, read_channel
from components.artifacts.files import json_bytes
from components.artifacts.store import MissingObjectError, Store
from components.errors import TemporaryError, UserError

# A claim that is this old is a dead collector's: another one may take it over. A live one deletes
# nothing so long after its claim.
ABANDONED_S = 3600.0
_DELETES_WITHIN_S = 600.0
_PARTS = ("bundle.json", "signature.ed25519", "policy.safetensors")
_WAIT_S, _PAUSE_S = 30.0, 0.5


@dataclass(frozen=True, slots=True)
class StoredBundle:
    """A bundle in the store; `workload` is empty where it was never finished.

    `accepted` is what the gate said: only such a bundle was ever let in, and can be gone back to.
    """

    digest: str
    workload: str
    written_s: float
    accepted: bool = True


@dataclass(frozen=True, slots=True)
class Plan:
    """Bundles to delete, and how many stay because a channel names them, they are new or young."""

    deleted: tuple[StoredBundle, ...]
    named: int
    newest: int
    young: int


def stored_bundles(store: Store) -> list[StoredBundle]:
    """Return the store's bundles, unfinished ones too, newest first.

    A bundle's time is that of its policy, the part that is written first.
    """
    found = []
    for digest in sorted({key.split("/")[1] for key in store.list("policies/")}):
        times = [store.written_s(f"policies/{digest}/{part}") for part in _PARTS]
        known = [one for one in times if one is not None]
        if known:
            workload, accepted = _about(store, digest)
            found.append(StoredBundle(digest, workload, max(known), accepted))
    return sorted(found, key=lambda one: (-one.written_s, one.digest))


def named_digests(store: Store) -> set[str]:
    """Return the digests that some channel names, as its current bundle or as the one before."""
    named = set()
    for key in store.list("channels/"):
        _, namespace, name = key.removesuffix(".json").split("/")
        channel: Channel = read_channel(store, namespace, name)
        named |= {one for one in (channel.current, channel.previous) if one}
    return named


def plan(
    bundles: Sequence[StoredBundle], named: set[str], now_s: float, keep: int, older_than_s: float
) -> Plan:
    """Return what to delete: what no channel names, beside each workload's `keep` newest accepted.

    A policy that was refused was never let in: however many of them follow it, the accepted one
    before stays, to be gone back to. Nothing younger than `older_than_s` is deleted. `bundles` are
    newest first.
    """
    deleted, counts = [], {"named": 0, "newest": 0, "young": 0}
    of_workload: dict[str, int] = {}
    for one in bundles:
        can_return = bool(one.workload) and one.accepted
        of_workload[one.workload] = of_workload.get(one.workload, 0) + can_return
        if one.digest in named:
            counts["named"] += 1
        elif can_return and of_workload[one.workload] <= keep:
            counts["newest"] += 1
        elif now_s - one.written_s < older_than_s:
            counts["young"] += 1
        else:
            deleted.append(one)
    return Plan(tuple(deleted), **counts)


def collect(
    store: Store, digests: Iterable[str], owner: str, clock: Callable[[], float] = time.time
) -> list[str]:
    """Delete these bundles but for those that a channel names by now; return what was deleted.

    What another collector has claimed is left to it. Raises as the store does; a claim that is
    left behind then is taken over after ABANDONED_S.
    """
    began_s = clock()
    claimed = [digest for digest in digests if _claim(store, digest, owner, clock())]
    named = named_digests(store)
    deleted = []
    for digest in claimed:
        late = clock() - began_s > _DELETES_WITHIN_S
        if digest not in named and not late:
            for part in _PARTS:
                store.delete(f"policies/{digest}/{part}")
            deleted.append(digest)
        store.delete(_claim_key(digest))
    return deleted


def keep_published(
    store: Store,
    bundle: Bundle,
    sleep: Callable[[float], None] = time.sleep,
    signer: Signer | None = None,
) -> None:
    """Make sure that a bundle is there whose channel was just moved; publish it again if need be.

    It is signed as it was, by `signer`.

    Raises TemporaryError when a collector that died holds its claim.
    """
    digest = encode(bundle)[2]
    for _ in range(int(_WAIT_S / _PAUSE_S)):
        if store.read_tagged(_claim_key(digest)) is not None:
            sleep(_PAUSE_S)
            continue
        publish(store, bundle, signer)
        return
    raise TemporaryError(
        f"bundle {digest[:12]} is being deleted since {_WAIT_S:.0f} s; if no `aware store clean`"
        " runs, one died: run it again an hour after"
    )


def _claim(store: Store, digest: str, owner: str, now_s: float) -> bool:
    key = _claim_key(digest)
    tagged = store.read_tagged(key)
    if tagged is not None and now_s - _claimed_s(key, tagged[0]) < ABANDONED_S:
        return False
    claim = json_bytes({"owner": owner, "since_s": now_s})
    return store.write_if(key, claim, None if tagged is None else tagged[1])


def _claimed_s(key: str, data: bytes) -> float:
    try:
        return float(json.loads(data)["since_s"])
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(f"{key} in the store is not a claim: delete it") from error


def _claim_key(digest: str) -> str:
    return f"collecting/{digest}.json"


def _about(store: Store, digest: str) -> tuple[str, bool]:
    """Whose policy it is, empty where it was never finished; and whether the gate accepted it."""
    try:
        document: Mapping[str, Any] = json.loads(store.read(f"policies/{digest}/bundle.json"))
        accepted = bool(document.get("verdict", {}).get("accepted", True))
        return str(document.get("workload", "")), accepted
    except MissingObjectError:
        return "", False
    except (ValueError, AttributeError) as error:
        raise UserError(
            f"policies/{digest}/bundle.json is no manifest: delete the bundle"
        ) from error
