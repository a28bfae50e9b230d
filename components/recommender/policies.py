"""The policies that the channels name: reloaded when a channel moves, the last good one kept."""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from components.artifacts.bundle import load
from components.artifacts.channel import (
    CHANNELS,
    INCUMBENT,
    Channel,
    channel_key,
    read_channel,
)
from components.artifacts.signature import load_verified
from components.artifacts.store import Store
from components.cluster.compiled import FloatArray
from components.cluster.twin import from_json
from components.errors import TemporaryError, UserError
from components.policy.rule_parameters import rule_of
from components.recommender.subject import Subject

_log = logging.getLogger(__name__)

# A rate so many times outside what the policy was trained on is another world.
_UNLIKE = 2.0


@dataclass(frozen=True, slots=True)
class Held:
    """Means on the telemetry that validation held back: cores and GiB are those requested."""

    violation: float
    reward: float
    cores: float
    gib: float
    oom_kills: float


@dataclass(frozen=True, slots=True)
class Gate:
    """What validation found of a policy: its reasons, and the violations that it promised.

    `promised` is the mean violating share on held-out telemetry, NaN where the bundle says nothing.
    `policy`, `opponent`: the figures there of both, None where the bundle says nothing.
    """

    reasons: tuple[str, ...] = ()
    promised: float = math.nan
    policy: Held | None = None
    opponent: Held | None = None


@dataclass(frozen=True, slots=True)
class LoadedPolicy:
    """A verified bundle: its rule [K], one twin member [P], the usual request rates.

    `usual_rates_per_s`: their 1 % and 99 % quantiles; `usual_rate_per_s`: the median.
    """

    digest: str
    rule: FloatArray
    twin: FloatArray
    usual_rates_per_s: tuple[float, float]
    usual_rate_per_s: float
    gate: Gate = Gate()

    def is_unlike(self, rate_per_s: float) -> bool:
        """Whether a measured rate is far from all that the policy was trained on."""
        low, high = self.usual_rates_per_s
        return not low / _UNLIKE <= rate_per_s <= high * _UNLIKE


class Policies:
    """Follows the channels of all workloads; a store that fails costs nothing that is loaded."""

    def __init__(self, store: Store | None, workers: int, key: Ed25519PublicKey | None) -> None:
        """With a key only bundles that its owner signed are used; without one any that is whole."""
        self._store = store
        self._key = key
        self._workers = workers
        self._channels: dict[str, Channel] = {}
        self._versions: dict[str, str] = {}
        self._loaded: dict[str, LoadedPolicy] = {}
        self.problems: dict[str, str] = {}

    def refresh(self, subjects: Sequence[Subject]) -> None:
        """Brings the channels of all subjects that let a policy in up to date.

        One listing tells which of them moved: those alone are read.
        """
        keys = {item.key for item in subjects}
        self._channels = {key: value for key, value in self._channels.items() if key in keys}
        self._loaded = {key: value for key, value in self._loaded.items() if key in keys}
        self.problems = {}
        if self._store is None:
            return
        let_in = [item for item in subjects if item.gate_open]
        try:
            versions = self._store.versions(CHANNELS) if let_in else {}
        except (UserError, TemporaryError) as error:
            _log.warning("the channels can't be listed: %s", error)
            self.problems = {item.key: str(error) for item in let_in}
            return
        moved = [item for item in let_in if self._moved(item, versions)]
        # A share for each thread: a task for each workload costs more than what it does.
        shares = [moved[start :: self._workers] for start in range(self._workers)]
        with ThreadPoolExecutor(self._workers) as threads:
            list(threads.map(self._follow_all, shares))
        read = {item.key for item in let_in} - self.problems.keys()
        self._versions = {
            item.key: versions.get(_channel_of(item), "") for item in let_in if item.key in read
        }

    def channel(self, key: str) -> Channel | None:
        """The channel as last read; None before it could be read once."""
        return self._channels.get(key)

    def loaded(self) -> Mapping[str, LoadedPolicy]:
        """The policies by the keys of their MultidimPodAutoscalers."""
        return dict(self._loaded)

    def loaded_one(self, key: str) -> LoadedPolicy | None:
        """The policy of one workload, None where there is none."""
        return self._loaded.get(key)

    def gate_open(self, subject: Subject, barred: Sequence[str]) -> bool:
        """Whether object and channel let the policy in; a barred one is let in to be told so."""
        channel = self._channels.get(subject.key)
        if channel is None or channel.current is None or not subject.gate_open:
            return False
        return channel.state != INCUMBENT or channel.current in barred

    def _moved(self, subject: Subject, versions: Mapping[str, str]) -> bool:
        known = self._versions.get(subject.key)
        return known is None or known != versions.get(_channel_of(subject), "")

    def _follow_all(self, subjects: Sequence[Subject]) -> None:
        for subject in subjects:
            self._follow(subject)

    def _follow(self, subject: Subject) -> None:
        assert self._store is not None
        workload, key = subject.workload, subject.key
        try:
            channel = read_channel(self._store, workload.namespace, workload.name)
            self._channels[key] = channel
            if channel.current is None:
                self._loaded.pop(key, None)
            elif key not in self._loaded or self._loaded[key].digest != channel.current:
                self._loaded[key] = _load(self._store, channel.current, workload.key, self._key)
        except (UserError, TemporaryError) as error:
            self.problems[key] = str(error)
            _log.warning("%s: the policy can't be read: %s", key, error)


def _channel_of(subject: Subject) -> str:
    return channel_key(subject.workload.namespace, subject.workload.name)


def _load(store: Store, digest: str, workload: str, key: Ed25519PublicKey | None) -> LoadedPolicy:
    """Raises UserError for a bundle that is damaged, unsigned, another workload's or incomplete."""
    bundle = load(store, digest) if key is None else load_verified(store, digest, key)
    if bundle.workload != workload:
        raise UserError(f"bundle {digest[:12]} is for {bundle.workload}: publish the right one")
    try:
        rule = rule_of({name: float(value) for name, value in bundle.rule_parameters.items()})
        twin = from_json(bundle.manifest["twin"]).members[0]
        quantiles = bundle.manifest["reference"]["request_rate_per_s"]["quantiles"]
        low, usual, high = (
            float(quantiles[place]) for place in (0, len(quantiles) // 2, len(quantiles) - 1)
        )
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise UserError(f"bundle {digest[:12]} lacks {error}: publish it again") from error
    if not np.isfinite(rule).all():
        raise UserError(f"bundle {digest[:12]} has a parameter that is no number: publish it again")
    gate = _gate(bundle.manifest)
    return LoadedPolicy(digest, rule, np.asarray(twin, dtype=np.float64), (low, high), usual, gate)


def _gate(manifest: Mapping[str, Any]) -> Gate:
    """What the bundle says of its validation; it is shown and not decided on."""
    try:
        reasons = tuple(str(reason)[:500] for reason in manifest["verdict"]["reasons"][:20])
        rows = manifest["metrics"]
        promised = float(rows["policy"]["violation"]["mean"])
    except (KeyError, TypeError, ValueError):
        return Gate()
    try:
        opponent = rows[manifest["verdict"]["opponent"]]
        return Gate(reasons, promised, _held(rows["policy"]), _held(opponent))
    except (KeyError, TypeError, ValueError):
        return Gate(reasons, promised)


def _held(row: Mapping[str, Any]) -> Held:
    names = ("violation", "reward", "core_hours", "gib_hours", "oom_kills")
    return Held(*(float(row[name]["mean"]) for name in names))
