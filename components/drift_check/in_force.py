"""What each workload is held against: an earlier run's outputs, as retrainings have moved them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import pandas as pd

from components.artifacts.bundle import load
from components.artifacts.channel import INCUMBENT, LIVE, read_channel
from components.artifacts.store import Store
from components.cluster.compiled import FloatArray
from components.drift_check.findings import Promise
from components.drift_check.inputs import Dataset, promise_of
from components.drift_check.references import read_reference
from components.errors import UserError


@dataclass(frozen=True, slots=True)
class InForce:
    """By workload key: the telemetry of before, the twin's parameters, what a live policy promised.

    `told` are the references that a retraining moved, in words; `rules` the parameters of the
    policies that were let in.
    """

    before: Dataset
    twins: Mapping[str, FloatArray]
    promises: Mapping[str, Promise]
    told: Mapping[str, str] = field(default_factory=dict)
    rules: Mapping[str, Mapping[str, float]] = field(default_factory=dict)


def as_moved(known: InForce, now: Dataset, store: Store) -> InForce:
    """Return what is in force by the store for the workloads of the recent dataset.

    A reference that a later run of the whole path has overtaken no longer counts. A promise is
    that of the policy that is live; where a drift was acknowledged without a new policy nobody
    has promised anything for the new behaviour, and the outcome is compared with its reference.

    Raises UserError for a damaged reference, channel or bundle, TemporaryError as the store does.
    """
    before, twins = dict(known.before), dict(known.twins)
    promises, told, rules = dict(known.promises), dict(known.told), dict(known.rules)
    for key, (workload, _) in now.items():
        moved = read_reference(store, key)
        if moved is not None and key in before and _is_later(before[key][1], moved.frame):
            moved = None
        if moved is not None:
            before[key] = (workload, moved.frame)
            twins[key] = moved.parameters
            told[key] = moved.told
        channel = read_channel(store, workload.namespace, workload.name)
        if channel.current is not None and channel.state != INCUMBENT:
            rules[key] = load(store, channel.current).rule_parameters
        if channel.current is not None and channel.state == LIVE:
            if moved is None or moved.bundle == channel.current:
                promises[key] = _promise(store, channel.current)
            else:
                promises.pop(key, None)
    return InForce(before, twins, promises, told, rules)


def _is_later(frame: pd.DataFrame, other: pd.DataFrame) -> bool:
    return bool(frame["time"].iloc[-1] > other["time"].iloc[-1])


def _promise(store: Store, digest: str) -> Promise:
    metrics = load(store, digest).manifest.get("metrics", {})
    try:
        return promise_of(metrics)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise UserError(f"bundle {digest} promises nothing: publish it again") from error
