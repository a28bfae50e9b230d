"""Which policy a workload follows, and how far it has been let in."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

from components.artifacts.files import json_bytes
from components.artifacts.store import Store
from components.errors import TemporaryError, UserError

INCUMBENT = "INCUMBENT"
SHADOW = "SHADOW"
CANARY = "CANARY"
LIVE = "LIVE"
STATES = (INCUMBENT, SHADOW, CANARY, LIVE)
CHANNELS = "channels/"


@dataclass(frozen=True, slots=True)
class Channel:
    """`current` and `previous` are bundle digests; `state` says what the current one may do.

    INCUMBENT: the rule that ran before acts alone. SHADOW: the policy only recommends. CANARY:
    it acts under watch. LIVE: it acts.
    """

    current: str | None = None
    previous: str | None = None
    state: str = INCUMBENT


def read_channel(store: Store, namespace: str, name: str) -> Channel:
    """The workload's channel; the incumbent's where nothing was ever moved.

    Raises UserError when the stored channel is not one.
    """
    return _read(store, channel_key(namespace, name))[0]


def channel_key(namespace: str, name: str) -> str:
    """Where the workload's channel is stored."""
    return f"{CHANNELS}{namespace}/{name}.json"


def move_channel(
    store: Store, namespace: str, name: str, new_current: str | None, state: str
) -> Channel:
    """Points the channel at a bundle and returns it; what was current becomes previous.

    The move is a conditional put: of two runs that move it at the same time one wins. The other
    succeeds too if it wanted the same, else TemporaryError is raised, for what it decided on has
    changed. A channel that is already there is left untouched.
    """
    if state not in STATES:
        raise ValueError(f"state {state!r} is not one of {', '.join(STATES)}")
    key = channel_key(namespace, name)
    seen, tag = _read(store, key)
    wanted = Channel(
        new_current, seen.previous if seen.current == new_current else seen.current, state
    )
    if tag is not None and wanted == seen:
        return seen
    if store.write_if(key, json_bytes(asdict(wanted)), tag):
        return wanted
    now, _ = _read(store, key)
    if (now.current, now.state) == (new_current, state):
        return now
    raise TemporaryError(
        f"another run moved the channel of {namespace}/{name} to {now.current} ({now.state})"
        " meanwhile: run the rollout again to decide anew"
    )


def _read(store: Store, key: str) -> tuple[Channel, str | None]:
    tagged = store.read_tagged(key)
    if tagged is None:
        return Channel(), None
    try:
        channel = Channel(**json.loads(tagged[0]))
    except (ValueError, TypeError) as error:
        raise UserError(f"{key} in the store is not a channel: restore or delete it") from error
    if channel.state not in STATES:
        raise UserError(f"{key} in the store has the unknown state {channel.state!r}")
    return channel, tagged[1]
