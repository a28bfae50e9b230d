"""Phases and the incumbent's record in the store: what a restart must not lose."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field, replace

import numpy as np

from components.artifacts.files import json_bytes
from components.artifacts.store import Store
from components.errors import UserError
from components.recommender.phase_state import PhaseState, from_json, to_json
from components.recommender.reference import Reference, reference_of

_VERSION = 1
# A day of intervals: the incumbent is measured over one whole daily course.
_LONGEST = 1440


@dataclass(frozen=True, slots=True)
class PhaseRecord:
    """`violations`: the incumbent's shares, one an interval, newest last; `oom_kills` in them.

    `tag` names the stored version (None: none); `unsaved` counts intervals since.
    """

    state: PhaseState = field(default_factory=PhaseState)
    violations: tuple[float, ...] = ()
    oom_kills: float = 0.0
    tag: str | None = None
    unsaved: int = 0

    def with_incumbent(self, violation: float, oom_kills: float) -> PhaseRecord:
        """The record after one more interval in which the incumbent acted; NaN counts nothing."""
        if not math.isfinite(violation):
            return self
        kept = (*self.violations, round(violation, 4))[-_LONGEST:]
        faded = self.oom_kills * (1 - 1 / _LONGEST)
        return replace(self, violations=kept, oom_kills=faded + oom_kills)

    def reference(self) -> Reference | None:
        """What the incumbent achieved; None before one interval was measured."""
        if not self.violations:
            return None
        return reference_of(np.array(self.violations), round(self.oom_kills))


def load_record(store: Store, namespace: str, name: str) -> PhaseRecord:
    """The stored record, an empty one where there is none; raises UserError for a damaged one."""
    tagged = store.read_tagged(_key(namespace, name))
    if tagged is None:
        return PhaseRecord()
    try:
        value = json.loads(tagged[0])
        if value["version"] != _VERSION:
            raise ValueError(f"version {value['version']} is not {_VERSION}")
        violations = tuple(float(item) for item in value["violations"])
        if not all(0 <= item <= 1 for item in violations):
            raise ValueError("a violation is no share")
        return PhaseRecord(
            from_json(json.dumps(value["phase"])), violations, float(value["oom_kills"]), tagged[1]
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
        "violations": list(record.violations),
        "oom_kills": record.oom_kills,
    }
    written = store.write_if(_key(namespace, name), json_bytes(document), record.tag)
    stored = load_record(store, namespace, name)
    return replace(record, tag=stored.tag, unsaved=0) if written else stored


def _key(namespace: str, name: str) -> str:
    return f"phases/{namespace}/{name}.json"
