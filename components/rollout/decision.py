"""Where a verdict moves a workload's channel."""

from __future__ import annotations

from components.artifacts.channel import INCUMBENT, SHADOW, Channel, move_channel, read_channel
from components.artifacts.store import Store
from components.workload.spec import Workload


def follow_verdict(store: Store, workload: Workload, digest: str, accepted: bool) -> Channel:
    """Moves the channel as far as a verdict may, and returns it.

    An accepted policy begins in the shadow; only the recommender takes it further, so one that
    got further by the same digest stays where it is. A refused policy moves nothing: the
    incumbent, or the policy that was accepted before, stays.
    """
    channel = read_channel(store, workload.namespace, workload.name)
    if not accepted or (channel.current == digest and channel.state != INCUMBENT):
        return channel
    return move_channel(store, workload.namespace, workload.name, digest, SHADOW)


def decision_reason(channel: Channel, digest: str, accepted: bool) -> str:
    """What became of the verdict, in words."""
    if accepted and channel.state == SHADOW:
        return "Accepted: the policy recommends in the shadow while the incumbent acts."
    if accepted:
        return f"Accepted before: the policy stays {channel.state}."
    if channel.current in (None, digest):
        return "Refused: the incumbent stays."
    return f"Refused: policy {channel.current[:12]} stays {channel.state}."
