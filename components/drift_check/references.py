"""What a workload is compared with: kept in the store, it moves with each retraining.

A pointer, `references/NAMESPACE/NAME.json`, says which telemetry is the reference, holds the twin
that was fitted to it, and names the bundle that was made of both. The telemetry lies beside it
under its own digest and is written first: a run that is killed in between leaves the old one.
"""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from components.artifacts.files import json_bytes
from components.artifacts.store import MissingObjectError, Store
from components.cluster.compiled import FloatArray
from components.cluster.twin import from_json
from components.errors import TemporaryError, UserError
from components.workload.telemetry import telemetry_bytes, telemetry_frame

_ATTEMPTS = 10


@dataclass(frozen=True, slots=True)
class Reference:
    """The behaviour that a retraining has seen: telemetry, the twin's parameters [P], the verdict.

    `bundle` is the digest of the policy that was made of it, `accepted` whether it was let in: a
    refused one leaves the policy of before, and the behaviour is known all the same.
    """

    frame: pd.DataFrame
    parameters: FloatArray
    bundle: str
    accepted: bool

    @property
    def told(self) -> str:
        """Return in words what the workload is compared with."""
        until = f"{self.frame['time'].iloc[-1]:%Y-%m-%d %H:%M} UTC"
        if self.accepted:
            return f"compared with what its policy was retrained on, until {until}"
        return (
            f"compared with the drift that was acknowledged, until {until}: the twin was fitted"
            " again, the retrained policy was refused"
        )


def read_reference(store: Store, key: str) -> Reference | None:
    """Return the reference of the workload `key`; None where no retraining moved it.

    Raises UserError for a pointer that is none, TemporaryError where it moves at this moment.
    """
    tagged = store.read_tagged(_pointer(key))
    if tagged is None:
        return None
    try:
        document = json.loads(tagged[0])
        place = str(document["telemetry"])
        frame = _frame(place, store.read(place))
        parameters = from_json(document["twin"]).members[0]
        return Reference(frame, parameters, str(document["bundle"]), bool(document["accepted"]))
    except MissingObjectError as error:
        raise TemporaryError(f"the reference of {key} is being moved: ask again") from error
    except (KeyError, TypeError, ValueError, pa.ArrowException) as error:
        raise UserError(f"{_pointer(key)} in the store is no reference: delete it") from error


def move_reference(
    store: Store,
    key: str,
    frame: pd.DataFrame,
    twin: Mapping[str, Any],
    decision: Mapping[str, Any],
    drift: tuple[str, ...],
) -> None:
    """Make the telemetry the workload's reference, with the twin that was fitted to it.

    `decision` is rollout's on the policy: its digest, and whether it was accepted; `drift` is what
    had changed, in words for whoever looks into the store. The same again changes nothing.

    Raises TemporaryError when other runs keep moving it.
    """
    data = telemetry_bytes(frame)
    place = f"references/{key}/{hashlib.sha256(data).hexdigest()}.parquet"
    pointer = json_bytes(
        {
            "telemetry": place,
            "ends": frame["time"].iloc[-1].isoformat(),
            "twin": twin,
            "bundle": decision["digest"],
            "accepted": bool(decision["accepted"]),
            "drift": list(drift),
        }
    )
    for _ in range(_ATTEMPTS):
        tagged = store.read_tagged(_pointer(key))
        if tagged is not None and tagged[0] == pointer:
            return
        store.write_once(place, data)
        if store.write_if(_pointer(key), pointer, None if tagged is None else tagged[1]):
            _forget(store, key, tagged, place)
            return
    raise TemporaryError(f"other runs keep moving the reference of {key}: run this one again")


def _frame(place: str, data: bytes) -> pd.DataFrame:
    if not place.endswith(f"/{hashlib.sha256(data).hexdigest()}.parquet"):
        raise UserError(f"{place} in the store was altered: delete the references beside it")
    return telemetry_frame(pq.read_table(io.BytesIO(data)))


def _forget(store: Store, key: str, replaced: tuple[bytes, str] | None, place: str) -> None:
    """Delete the telemetry that nothing points to any more."""
    before = str(json.loads(replaced[0]).get("telemetry")) if replaced is not None else place
    if before != place and before.startswith(f"references/{key}/"):
        store.delete(before)


def _pointer(key: str) -> str:
    return f"references/{key}.json"
