"""Phases and the incumbent's record in the store: what a restart must not lose."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from components.artifacts.store import Store
from components.errors import UserError
from components.recommender.phase_state import PhaseState, from_json, to_json
from components.recommender.reference import Reference, reference_of

_VERSION = 1
# A day of intervals: the incumbent is measured over one whole daily course.
_LONGEST = 1440


Shares = NDArray[np.uint16]
# A share of 1 in the unit that is kept: a day of intervals of thousands of workloads takes room.
_ONE = 10_000
# A longer record hardly changes from one interval to the next: its reference is computed anew
# after so many.
_SHORT = 60
_REFERENCE_EVERY = 15


def _no_shares() -> Shares:
    return np.zeros(0, dtype=np.uint16)


@dataclass(frozen=True, slots=True)
class PhaseRecord:
    """What is known of one workload.

    `violations` [N]: the incumbent's shares in ten-thousandths, newest last; `oom_kills` there,
    `near_limit`: intervals in which memory came near the limit.
    `reference`: what the incumbent achieved, None before one interval was measured, computed
    `reference_age` intervals ago. `tag` names the stored version (None: none); `unsaved` counts
    intervals since.
    """

    state: PhaseState = field(default_factory=PhaseState)
    violations: Shares = field(default_factory=_no_shares)
    oom_kills: float = 0.0
    near_limit: float = 0.0
    reference: Reference | None = None
    reference_age: int = 0
    tag: str | None = None
    unsaved: int = 0

    def with_incumbent(
        self, violation: float, oom_kills: float, near_limit: bool = False
    ) -> PhaseRecord:
        """The record after one more interval in which the incumbent acted; NaN counts nothing."""
        if not math.isfinite(violation):
            return self
        share = np.uint16(round(_ONE * min(max(violation, 0.0), 1.0)))
        kept = np.append(self.violations[-(_LONGEST - 1) :], share)
        kills = self.oom_kills * (1 - 1 / _LONGEST) + oom_kills
        near = self.near_limit * (1 - 1 / _LONGEST) + near_limit
        due = len(kept) < _SHORT or self.reference_age + 1 >= _REFERENCE_EVERY
        return replace(
            self,
            violations=kept,
            oom_kills=kills,
            near_limit=near,
            reference=_reference(kept, kills, near) if due else self.reference,
            reference_age=0 if due else self.reference_age + 1,
        )


def _reference(violations: Shares, oom_kills: float, near_limit: float) -> Reference | None:
    if not len(violations):
        return None
    return reference_of(violations / _ONE, round(oom_kills), near_limit=round(near_limit))


def load_record(store: Store, namespace: str, name: str) -> PhaseRecord:
    """The stored record, an empty one where there is none; raises UserError for a damaged one."""
    tagged = store.read_tagged(_key(namespace, name))
    if tagged is None:
        return PhaseRecord()
    try:
        value = json.loads(tagged[0])
        if value["version"] != _VERSION:
            raise ValueError(f"version {value['version']} is not {_VERSION}")
        shares = np.array(value["violations"], dtype=np.float64).reshape(-1)
        if not ((shares >= 0) & (shares <= 1)).all():
            raise ValueError("a violation is no share")
        violations, kills = np.rint(_ONE * shares).astype(np.uint16), float(value["oom_kills"])
        near = float(value.get("near_limit", 0.0))
        return PhaseRecord(
            state=from_json(json.dumps(value["phase"])),
            violations=violations,
            oom_kills=kills,
            near_limit=near,
            reference=_reference(violations, kills, near),
            tag=tagged[1],
        )
    except (ValueError, KeyError, TypeError, UserError) as error:
        raise UserError(
            f"{_key(namespace, name)} in the store can't be read ({error}): delete it"
        ) from error


def save_record(store: Store, namespace: str, name: str, record: PhaseRecord) -> PhaseRecord:
    """Stores the record under its tag; what is stored instead where another process was faster."""
    document = {
        "version": _VERSION,
        "phase": json.loads(to_json(record.state)),
        "violations": [round(share / _ONE, 4) for share in record.violations.tolist()],
        "oom_kills": record.oom_kills,
        "near_limit": record.near_limit,
    }
    key = _key(namespace, name)
    data = json.dumps(document, separators=(",", ":"), sort_keys=True, allow_nan=False).encode()
    if not store.write_if(key, data, record.tag):
        return load_record(store, namespace, name)
    tagged = store.read_tagged(key)
    return replace(record, tag=tagged[1] if tagged else None, unsaved=0)


def _key(namespace: str, name: str) -> str:
    return f"phases/{namespace}/{name}.json"
